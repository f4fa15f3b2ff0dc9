import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { parseManifest } from '../../oci/read-manifest.ts'
import { samePlatform, type Platform } from '../../platform.ts'
import type { Store } from '../../store/store.ts'
import type { BuiltImage, BuiltStage } from '../../content/built-image.ts'
import type { ImageFor } from '../../engine/lower.ts'
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
  const manifest = parseManifest(await buffer(await image.blobs.read(image.descriptor)), image.descriptor)
  return {
    name,
    manifest: image.descriptor,
    config: image.config,
    layers: manifest.layers.map((descriptor, index) => ({
      descriptor,
      diffId: image.config.rootfs.diff_ids[index]!,
      async fetch(signal) {
        if (await store.blobs.has(descriptor.digest, descriptor.size)) return
        const from = async (offset: number) => Readable.from(after(offset, await image.blobs.read(descriptor)))
        await store.blobs.fetch(descriptor, from, { signal })
      },
    })),
  }
}

/** The bytes of a stream that come after an offset: sources of built images always begin at the start. */
async function* after(offset: number, stream: NodeJS.ReadableStream): AsyncGenerator<Buffer, void, undefined> {
  let passed = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const rest = chunk.subarray(Math.max(0, offset - passed))
    passed += chunk.length
    if (rest.length > 0) yield rest
  }
}
