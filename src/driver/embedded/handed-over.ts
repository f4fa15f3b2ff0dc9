import { samePlatform, type Platform } from '../../platform.ts'
import type { Store } from '../../store/store.ts'
import type { BuiltImage, BuiltStage } from '../../content/built-image.ts'
import { builtLayers } from '../../content/built-layers.ts'
import type { ImageFor } from '../../engine/lowered.ts'
import type { ResolvedImage } from '../../content/resolved-image.ts'

/** Gives images that other engines built in the place of the named contexts that they are, for their own platform. */
export async function withHandedOver(
  imageFor: ImageFor,
  stages: readonly BuiltStage[],
  { platform, store }: { readonly platform: Platform; readonly store: Store },
): Promise<ImageFor> {
  const images = new Map(
    await Promise.all(stages.map(async ({ name, image }) => [name, await resolved(name, image, store)] as const)),
  )
  return (source, stage) => {
    const found = source.kind === 'context' ? images.get(source.name) : undefined
    return found && samePlatform(source.platform ?? stage.platform, platform) ? found : imageFor(source, stage)
  }
}

/** A built image as a base image; its layers come into the store when a step needs them. */
async function resolved(name: string, image: BuiltImage, store: Store): Promise<ResolvedImage> {
  return { name, manifest: image.descriptor, config: image.config, layers: await builtLayers(image, store) }
}
