import { assemble, type ImageSet } from '../../src/publish/image-set.ts'
import { moveTags } from '../../src/publish/move-tags.ts'
import { upload } from '../../src/publish/push.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { smallImage, type SmallEntry } from './images.ts'

/** What a test wants of an image in a registry. */
export interface WantedImage {
  readonly platform: string
  readonly attested?: boolean
  readonly files?: readonly SmallEntry[]
  readonly below?: readonly SmallEntry[]
}

/** Pushes small images as one index (one image without attestation: as a manifest) under a name; by digest without a tag. */
export async function pushImages(
  name: string,
  wanted: readonly WantedImage[],
  options: { readonly folder: string; readonly asIndex?: boolean; readonly untagged?: boolean },
): Promise<ImageSet> {
  const images = await Promise.all(
    wanted.map(async ({ platform, attested, ...files }) => ({
      ...(await smallImage(options.folder, platform, files)),
      ...(attested
        ? { attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', predicate: { of: platform } }] }
        : {}),
    })),
  )
  const ref = parseReference(name)
  const set = await assemble(images, { tags: [ref], asIndex: options.asIndex ?? false })
  const registry = createRegistryClient({ registries: {}, env: {} })
  const edges = { registry, emit: () => {}, signal: new AbortController().signal }
  await upload(set, [ref], edges)
  if (!options.untagged) await moveTags(set, [ref], edges)
  await registry.close()
  return set
}
