import { XbuildError } from '../../errors.ts'
import { fromDescriptorPlatform, MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from '../../oci/descriptor.ts'
import { sha256 } from '../../oci/digest.ts'
import { makeDocument, makeManifest } from '../../oci/make-manifest.ts'
import type { ImageConfig } from '../../oci/manifest.ts'
import { shownName } from '../../oci/tar-decode.ts'
import { parseImageConfig } from '../../oci/read-image-config.ts'
import { normalizePlatform, type Platform } from '../../platform.ts'
import { withTemporaryFolder } from '../../source/temporary.ts'
import type { Store } from '../../store/store.ts'
import { packBytes } from './layer-writer.ts'
import { configFor } from './saved-config.ts'
import { badSavedImage, bytesOf, cleanPath, follow, type SavedFiles } from './saved-files.ts'
import { unpackSaved } from './unpack-saved.ts'

/** How an image that an engine saved is to be read. */
export interface ReadImageOptions {
  readonly store: Store
  /** What it must be for; absent: whatever it says. */
  readonly platform?: Platform
  /** What the engine calls it: the digest of its config, or of a manifest or index of it. */
  readonly id?: string
  /** Seconds since the epoch: no time in the config is later. */
  readonly sourceDateEpoch?: number
  /** How messages call where it comes from. */
  readonly endpoint: string
  readonly signal: AbortSignal
}

/** `folder` is for temporary files. */
interface Unpacked extends ReadImageOptions {
  readonly folder: string
}

/** An image in the store. */
export interface ReadImage {
  readonly descriptor: Descriptor
  readonly config: ImageConfig
}

/**
 * Reads what `docker save` and Podman write (a tar archive with `manifest.json`) into the store, streaming: plain
 * layers are packed, packed ones are kept as they are, every digest is checked. Throws BAD_IMAGE, DIGEST_MISMATCH, and
 * BAD_PLATFORM for an image of another platform.
 */
export async function readSavedImage(tar: AsyncIterable<Uint8Array>, options: ReadImageOptions): Promise<ReadImage> {
  return withTemporaryFolder(options.store.folder, 'saved', async (folder) => {
    const files = await unpackSaved(tar, { folder, ...options })
    return assemble(files, { folder, ...options })
  })
}

async function assemble(files: SavedFiles, options: Unpacked): Promise<ReadImage> {
  const { store, endpoint } = options
  const listed = readList(files, endpoint)
  const written = bytesOf(files, listed.config, endpoint)
  checkName(listed.config, sha256(written), endpoint)
  const { id = sha256(written) } = options
  if (!leadsTo(files, id, sha256(written)))
    throw new XbuildError(
      'DIGEST_MISMATCH',
      `Cannot take the image from "${endpoint}": it built ${shownName(id)}, and what it gives is ${sha256(written)}`,
      { hint: 'Build again; if that does not help, somebody else changes images of this engine' },
    )
  const config = parseImageConfig(written, {
    mediaType: MEDIA_TYPE.dockerConfig,
    digest: sha256(written),
    size: written.length,
  })
  const diffIds = config.rootfs.diff_ids
  if (diffIds.length !== listed.layers.length)
    throw badSavedImage(endpoint, `it has ${listed.layers.length} layers, and its config says ${diffIds.length}`)
  const layers: Descriptor[] = []
  for (const [index, path] of listed.layers.entries())
    layers.push(await keepLayer(path, files, { ...options, diffId: diffIds[index]! }))
  const platform = options.platform ?? normalizePlatform(fromDescriptorPlatform(config))
  const image = configFor(config, platform, options)
  const document = makeDocument(MEDIA_TYPE.config, image)
  const manifest = makeManifest({ config: document.descriptor, layers })
  await store.blobs.put(document.bytes, MEDIA_TYPE.config)
  await store.blobs.put(manifest.bytes, MEDIA_TYPE.manifest)
  return { descriptor: { ...manifest.descriptor, platform: toDescriptorPlatform(platform) }, config: image }
}

function readList(
  files: SavedFiles,
  endpoint: string,
): { readonly config: string; readonly layers: readonly string[] } {
  try {
    const [first] = JSON.parse(bytesOf(files, 'manifest.json', endpoint).toString()) as {
      Config?: unknown
      Layers?: unknown
    }[]
    const layers: unknown[] = Array.isArray(first?.Layers) ? first.Layers : []
    if (typeof first?.Config === 'string' && layers.every((path) => typeof path === 'string'))
      return { config: cleanPath(first.Config), layers: layers.map((path) => cleanPath(path as string)) }
  } catch (error) {
    if (error instanceof XbuildError) throw error
  }
  throw badSavedImage(endpoint, 'its manifest.json is damaged')
}

/** Whether an id is that of a config, or of a manifest or an index in the archive that leads to it. */
function leadsTo(files: SavedFiles, id: string, config: string, depth = 3): boolean {
  if (id === config) return true
  const found = follow(files, `blobs/sha256/${id.replace(/^sha256:/, '')}`)
  if (depth === 0 || found?.kind !== 'bytes' || sha256(found.bytes) !== id) return false
  const digests = digestsIn(found.bytes.toString())
  return digests.some((digest) => leadsTo(files, digest, config, depth - 1))
}

/** What a manifest or an index names first; of an index no more than an image has platforms. */
function digestsIn(text: string): string[] {
  try {
    const { config, manifests } = JSON.parse(text) as { config?: { digest?: unknown }; manifests?: unknown }
    const listed: unknown[] = Array.isArray(manifests) ? manifests.slice(0, 100) : []
    const all = [config?.digest, ...listed.map((one) => (one as { digest?: unknown } | null)?.digest)]
    return all.filter((digest) => typeof digest === 'string')
  } catch {
    return []
  }
}

async function keepLayer(
  path: string,
  files: SavedFiles,
  { store, folder, endpoint, diffId, signal }: Unpacked & { readonly diffId: string },
): Promise<Descriptor> {
  signal.throwIfAborted()
  const found = follow(files, path)
  if (!found) throw badSavedImage(endpoint, `its layer "${path}" is missing`)
  const kept = found.kind === 'bytes' ? await packBytes(found.bytes, folder) : found
  const isPacked = kept.diffId === undefined
  const own = isPacked ? kept.digest : kept.diffId
  if (!isPacked && own !== diffId) throw mismatch(`layer "${path}"`, endpoint)
  if (path.startsWith('blobs/')) checkName(path, own, endpoint)
  // A layer that comes twice in an image is one blob
  if (!(await store.blobs.has(kept.digest, kept.size))) await store.blobs.adopt(kept.file, kept.digest)
  return { mediaType: kept.mediaType, digest: kept.digest, size: kept.size }
}

/** Docker calls a config HEX.json, a layout calls everything by its digest: then it must have it. */
function checkName(path: string, digest: string | undefined, endpoint: string): void {
  const named = /^(?:blobs\/sha256\/([0-9a-f]{64})|([0-9a-f]{64})\.json)$/.exec(path)
  if (named && digest !== `sha256:${named[1] ?? named[2]}`) throw mismatch(`"${path}"`, endpoint)
}

function mismatch(what: string, endpoint: string): XbuildError {
  return new XbuildError(
    'DIGEST_MISMATCH',
    `Cannot take the image from "${endpoint}": the content of its ${what} does not match its digest`,
    { hint: 'Build again' },
  )
}
