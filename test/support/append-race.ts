import { Readable } from 'node:stream'
import { MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from '../../src/oci/descriptor.ts'
import { makeDocument, makeManifest, type Document } from '../../src/oci/make-manifest.ts'
import { availablePlatforms } from '../../src/oci/select-platform.ts'
import { parseIndex } from '../../src/oci/read-manifest.ts'
import { parseReference, type Reference } from '../../src/oci/reference.ts'
import { parsePlatform } from '../../src/platform.ts'
import { type Appended, type AppendOptions, appendToTag } from '../../src/publish/append-tag.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { RegistryClient } from '../../src/registry/types.ts'

/** Eight platforms, in the order in which indexes list them as text. */
export const EIGHT: readonly string[] = [
  'linux/386',
  'linux/amd64',
  'linux/arm/v6',
  'linux/arm/v7',
  'linux/arm64',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
]

const { signal } = new AbortController()

/** An image of no layers; `mark` makes it differ from others of its platform. */
export function emptyImage(platform: string, mark = ''): { readonly config: Document; readonly manifest: Document } {
  const written = toDescriptorPlatform(parsePlatform(platform))
  const config = makeDocument(MEDIA_TYPE.config, {
    ...written,
    config: { Labels: { mark } },
    rootfs: { type: 'layers', diff_ids: [] },
  })
  const manifest = makeManifest({ config: config.descriptor, layers: [] })
  return { config, manifest: { ...manifest, descriptor: { ...manifest.descriptor, platform: written } } }
}

/** Brings such an image into a repository by digest, or under a tag, and returns its entry of an index. */
export async function pushEmpty(
  client: RegistryClient,
  ref: Reference,
  { config, manifest }: ReturnType<typeof emptyImage>,
): Promise<Descriptor> {
  await client.pushBlob(ref, config.descriptor, { signal, open: () => Readable.from([config.bytes]) })
  await client.pushManifest(ref, manifest, { signal })
  return manifest.descriptor
}

/** Eight clients append one platform each to a tag, all at once. */
export async function appendRace(
  name: string,
  options: Partial<AppendOptions> & { readonly mark?: string } = {},
): Promise<readonly Appended[]> {
  const tag = parseReference(name)
  const byDigest = { host: tag.host, repository: tag.repository }
  return Promise.all(
    EIGHT.map(async (platform) => {
      const client = createRegistryClient({ registries: {}, env: { HOME: '/nonexistent' } })
      try {
        const entry = await pushEmpty(client, byDigest, emptyImage(platform, options.mark))
        return await appendToTag(tag, [entry], { registry: client, emit: () => {}, signal, settle: 700, ...options })
      } finally {
        await client.close()
      }
    }),
  )
}

/** The platforms that a tag has, and how many entries. */
export async function platformsOf(name: string): Promise<{ platforms: string[]; entries: number }> {
  const client = createRegistryClient({ registries: {}, env: { HOME: '/nonexistent' } })
  try {
    const { descriptor, bytes } = await client.manifest(parseReference(name), { signal })
    const index = parseIndex(bytes, descriptor)
    return { platforms: availablePlatforms(index), entries: index.manifests.length }
  } finally {
    await client.close()
  }
}
