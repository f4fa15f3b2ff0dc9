import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { isAttestation } from '../oci/attestation.ts'
import { fromDescriptorPlatform, toDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import { isConfigType, isIndexType, isManifestType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { normalizePlatform, type Platform } from '../platform.ts'
import { parseAny, type AnyManifest } from '../oci/any-manifest.ts'
import { readDocument, type ImageSource } from './source.ts'

/** More than any real index has, all that it leads to taken together; and how deep it may lead. */
const MAX_ENTRIES = 1000
const MAX_DEPTH = 3

/** One entry of an index that is no index itself. */
export interface Entry {
  /** As the index has it. */
  readonly descriptor: Descriptor
  /** Digest of the image that it says something of, when it is an attestation. */
  readonly about?: string
  /** What it is for, when it is an image. */
  readonly platform?: Platform
}

/** What a name leads to. */
export interface ReadRoot {
  readonly root: Document
  /** The index or manifest itself. */
  readonly manifest: AnyManifest
  readonly isIndex: boolean
  /** The entries of the index, those of indexes in it among them; the manifest alone when there is no index. */
  readonly entries: readonly Entry[]
  /** Indexes in the index, which the entries do not name. */
  readonly nested: readonly Document[]
}

/** Reads what a source stands for, without the manifests that an index names. Throws BAD_IMAGE. */
export async function readRoot(source: ImageSource, signal: AbortSignal): Promise<ReadRoot> {
  const root = await source.root(signal)
  const manifest = parseAny(root.bytes, root.descriptor)
  const nested: Document[] = []
  const entries = new Map<string, Entry>()

  async function add(descriptor: Descriptor, depth: number): Promise<void> {
    if (isIndexType(descriptor.mediaType)) {
      if (depth >= MAX_DEPTH)
        throw new XbuildError('BAD_IMAGE', `Cannot read "${source.name}": indexes are nested deeper than ${MAX_DEPTH}`)
      if (nested.some((one) => one.descriptor.digest === descriptor.digest)) return
      const inner = await readDocument(source, descriptor, signal)
      nested.push(inner)
      bound(nested.length)
      for (const one of parseAny(inner.bytes, inner.descriptor).manifests ?? []) await add(one, depth + 1)
      return
    }
    if (entries.has(entryKey(descriptor))) return
    entries.set(entryKey(descriptor), entryOf(descriptor))
    bound(entries.size)
  }

  function bound(count: number): void {
    if (count > MAX_ENTRIES)
      throw new XbuildError('BAD_IMAGE', `Cannot read "${source.name}": it has more than ${MAX_ENTRIES} entries`)
  }

  const isIndex = manifest.manifests !== undefined
  for (const descriptor of manifest.manifests ?? [root.descriptor]) await add(descriptor, 1)
  return { root, manifest, isIndex, entries: [...entries.values()], nested }
}

/** One manifest may stand in an index for two platforms. */
function entryKey({ digest, platform }: Descriptor): string {
  return `${digest} ${JSON.stringify(platform ?? '')}`
}

/** What an entry of an index is, by its descriptor alone. */
export function entryOf(descriptor: Descriptor): Entry {
  const about = descriptor.annotations?.['vnd.docker.reference.digest']
  if (isAttestation(descriptor)) return { descriptor, ...compact({ about }) }
  const { platform } = descriptor
  if (!platform || !isManifestType(descriptor.mediaType)) return { descriptor }
  return { descriptor, platform: normalizePlatform(fromDescriptorPlatform(platform)) }
}

/** The entry of one image with its platform, which its config tells when the descriptor does not. */
export async function withPlatform(
  entry: Entry,
  {
    source,
    manifest,
    signal,
  }: { readonly source: ImageSource; readonly manifest: AnyManifest; readonly signal: AbortSignal },
): Promise<Entry> {
  if (entry.platform || entry.about !== undefined || !manifest.config || !isConfigType(manifest.config.mediaType))
    return entry
  const config = parseImageConfig((await readDocument(source, manifest.config, signal)).bytes, manifest.config)
  const platform = normalizePlatform(fromDescriptorPlatform(config))
  return entryOf({ ...entry.descriptor, platform: toDescriptorPlatform(platform) })
}
