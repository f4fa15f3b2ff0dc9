import { createHash, randomUUID, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import {
  fromDescriptorPlatform,
  MEDIA_TYPE,
  toDescriptorPlatform,
  type Descriptor,
  type Digest,
} from '../../oci/descriptor.ts'
import { sha256 } from '../../oci/digest.ts'
import { makeDocument, makeManifest } from '../../oci/make-manifest.ts'
import type { HistoryEntry, ImageConfig } from '../../oci/manifest.ts'
import { MAX_CONFIG_BYTES, parseImageConfig } from '../../oci/read-image-config.ts'
import { createTarReader } from '../../oci/tar-reader.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import { formatPlatform, normalizePlatform, samePlatform, type Platform } from '../../platform.ts'
import { withTemporaryFolder } from '../../source/temporary.ts'
import type { Store } from '../../store/store.ts'
import { createGzipFile, type GzipFile } from '../../content/gzip-file.ts'

/** How an image that an engine saved is to be read. */
export interface ReadImageOptions {
  readonly store: Store
  /** What it must be for; absent: whatever it says. */
  readonly platform?: Platform
  /** Seconds since the epoch: no time in the config is later. */
  readonly sourceDateEpoch?: number
  /** How messages call where it comes from. */
  readonly endpoint: string
  readonly signal: AbortSignal
}

/** An image in the store. */
export interface ReadImage {
  readonly descriptor: Descriptor
  readonly config: ImageConfig
}

/** As for the layers that we make ourselves. */
const LEVEL = 4
/** Files up to this size are kept in memory until it is known what they are; and so many bytes in all. */
const SMALL = 64 << 10
const MAX_SMALL = 32 << 20
const MAX_FILES = 100_000

/**
 * Reads what `docker save` and Podman write (a tar archive with `manifest.json`) into the store, streaming: plain
 * layers are packed,
 * packed ones are kept as they are, every digest is checked. Throws BAD_IMAGE, DIGEST_MISMATCH, and BAD_PLATFORM for
 * an image of another
 * platform.
 */
export async function readSavedImage(tar: AsyncIterable<Uint8Array>, options: ReadImageOptions): Promise<ReadImage> {
  return withTemporaryFolder(options.store.folder, 'saved', async (folder) => {
    const files = await unpack(tar, { folder, ...options })
    return assemble(files, { folder, ...options })
  })
}

/** One file of the archive. */
type Kept =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** A layer, or what may be one, in the temporary folder. */
  | {
      readonly kind: 'layer'
      readonly file: string
      readonly digest: Digest
      readonly diffId: Digest | undefined
      readonly size: number
      readonly mediaType: string
    }
  | { readonly kind: 'link'; readonly to: string }

/** `folder` is for temporary files. */
interface Unpacked extends ReadImageOptions {
  readonly folder: string
}

interface Writer {
  write(chunk: Buffer): Promise<void>
  finish(): Promise<Kept>
  abort(): Promise<void>
}

type Event = { readonly entry: TarEntry } | { readonly data: Buffer } | { readonly end: true }

async function unpack(
  tar: AsyncIterable<Uint8Array>,
  { folder, signal, endpoint }: Unpacked,
): Promise<Map<string, Kept>> {
  const files = new Map<string, Kept>()
  let events: Event[] = []
  const reader = createTarReader({
    entry: (entry) => void events.push({ entry }),
    data: (data) => void events.push({ data }),
    end: () => void events.push({ end: true }),
  })
  let writer: Writer | undefined
  let path = ''
  let small = 0
  async function take(event: Event): Promise<void> {
    if ('data' in event) return writer?.write(event.data)
    if ('end' in event) {
      if (writer) files.set(path, await writer.finish())
      writer = undefined
      return
    }
    const { entry } = event
    path = clean(entry.path)
    if (files.size >= MAX_FILES) throw bad(endpoint, 'it holds too many files')
    if (entry.type === 'symlink')
      files.set(path, { kind: 'link', to: clean(posix.join(posix.dirname(path), entry.link ?? '')) })
    else if (entry.type === 'hardlink') files.set(path, { kind: 'link', to: clean(entry.link ?? '') })
    else if (entry.type === 'file') {
      const inMemory =
        entry.size <= SMALL || (/\.json$|^repositories$|\/VERSION$/.test(path) && entry.size <= MAX_CONFIG_BYTES)
      small += inMemory ? entry.size : 0
      if (small > MAX_SMALL) throw bad(endpoint, 'it holds too many small files')
      writer = inMemory ? inMemoryWriter(entry.size) : layerWriter(join(folder, String(files.size)))
      if (entry.size === 0) {
        files.set(path, { kind: 'bytes', bytes: Buffer.alloc(0) })
        writer = undefined
      }
    }
  }
  try {
    for await (const chunk of tar) {
      signal.throwIfAborted()
      reader.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      for (const event of events) await take(event)
      events = []
    }
    reader.finish()
  } catch (error) {
    await writer?.abort()
    throw error
  }
  return files
}

function inMemoryWriter(size: number): Writer {
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  return {
    async write(chunk) {
      at += chunk.copy(bytes, at)
    },
    finish: async () => ({ kind: 'bytes', bytes }),
    abort: async () => undefined,
  }
}

/** Packs a plain file, and copies one that is packed: its first bytes tell. */
function layerWriter(file: string): Writer {
  let packing: GzipFile | undefined
  let copying:
    | { readonly handle: FileHandle; readonly hash: Hash; readonly mediaType: string; size: number }
    | undefined
  return {
    async write(chunk) {
      if (!packing && !copying) {
        const mediaType = packedType(chunk)
        if (mediaType) copying = { handle: await open(file, 'wx'), hash: createHash('sha256'), mediaType, size: 0 }
        else packing = await createGzipFile(file, LEVEL)
      }
      if (packing) return packing.write(chunk)
      copying!.hash.update(chunk)
      copying!.size += chunk.length
      await copying!.handle.writeFile(chunk)
    },
    async finish() {
      if (packing) {
        const { digest, diffId, size } = await packing.finish()
        return {
          kind: 'layer',
          file,
          digest: digest as Digest,
          diffId: diffId as Digest,
          size,
          mediaType: MEDIA_TYPE.layerGzip,
        }
      }
      await copying!.handle.sync()
      await copying!.handle.close()
      return {
        kind: 'layer',
        file,
        digest: `sha256:${copying!.hash.digest('hex')}`,
        diffId: undefined,
        size: copying!.size,
        mediaType: copying!.mediaType,
      }
    },
    async abort() {
      await packing?.abort()
      await copying?.handle.close().catch(() => undefined)
    },
  }
}

function packedType(start: Buffer): string | undefined {
  if (start[0] === 0x1f && start[1] === 0x8b) return MEDIA_TYPE.layerGzip
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528 ? MEDIA_TYPE.layerZstd : undefined
}

async function assemble(files: ReadonlyMap<string, Kept>, options: Unpacked): Promise<ReadImage> {
  const { store, endpoint } = options
  const listed = readList(files, endpoint)
  const written = bytesOf(files, listed.config, endpoint)
  checkName(listed.config, sha256(written), endpoint)
  const config = parseImageConfig(written, {
    mediaType: MEDIA_TYPE.dockerConfig,
    digest: sha256(written),
    size: written.length,
  })
  const diffIds = config.rootfs.diff_ids
  if (diffIds.length !== listed.layers.length)
    throw bad(endpoint, `it has ${listed.layers.length} layers, and its config says ${diffIds.length}`)
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
  files: ReadonlyMap<string, Kept>,
  endpoint: string,
): { readonly config: string; readonly layers: readonly string[] } {
  try {
    const [first] = JSON.parse(bytesOf(files, 'manifest.json', endpoint).toString()) as {
      Config?: unknown
      Layers?: unknown
    }[]
    const layers: unknown[] = Array.isArray(first?.Layers) ? first.Layers : []
    if (typeof first?.Config === 'string' && layers.every((path) => typeof path === 'string'))
      return { config: clean(first.Config), layers: layers.map((path) => clean(path as string)) }
  } catch (error) {
    if (error instanceof XbuildError) throw error
  }
  throw bad(endpoint, 'its manifest.json is damaged')
}

async function keepLayer(
  path: string,
  files: ReadonlyMap<string, Kept>,
  { store, folder, endpoint, diffId, signal }: Unpacked & { readonly diffId: string },
): Promise<Descriptor> {
  signal.throwIfAborted()
  const found = follow(files, path)
  if (!found) throw bad(endpoint, `its layer "${path}" is missing`)
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

async function packBytes(bytes: Buffer, folder: string): Promise<Kept & { kind: 'layer' }> {
  const writer = layerWriter(join(folder, `layer-${randomUUID()}`))
  try {
    await writer.write(bytes)
    return (await writer.finish()) as Kept & { kind: 'layer' }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/**
 * The engine's config as one of ours: nothing the image-spec does not know, the platform as it was asked for. Throws
 * BAD_PLATFORM.
 */
function configFor(
  config: ImageConfig,
  platform: Platform,
  { endpoint, sourceDateEpoch }: ReadImageOptions,
): ImageConfig {
  const made = normalizePlatform(fromDescriptorPlatform(config))
  // Engines without BuildKit often leave the variant out
  const alike = samePlatform(
    { ...made, ...(config.variant === undefined && platform.variant ? { variant: platform.variant } : {}) },
    platform,
  )
  if (!alike) {
    throw new XbuildError(
      'BAD_PLATFORM',
      `Cannot take the image from "${endpoint}": it is for ${formatPlatform(made)}, and ${formatPlatform(platform)} was asked for`,
      {
        hint: 'Build on another node, or use a base image that has the platform',
      },
    )
  }
  const limit =
    sourceDateEpoch === undefined ? undefined : new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z')
  const clamp = (time: string) => (limit !== undefined && Date.parse(time) > Date.parse(limit) ? limit : time)
  const { created, author, config: run, rootfs, history } = config
  const dated = (entry: HistoryEntry) => ({
    ...entry,
    ...(entry.created === undefined ? {} : { created: clamp(entry.created) }),
  })
  return {
    ...(created === undefined ? {} : { created: clamp(created) }),
    ...(author ? { author } : {}),
    ...toDescriptorPlatform(platform),
    ...compact({ config: run }),
    rootfs,
    ...compact({ history: history?.map(dated) }),
  }
}

function bytesOf(files: ReadonlyMap<string, Kept>, path: string, endpoint: string): Buffer {
  const found = follow(files, path)
  if (found?.kind === 'bytes') return found.bytes
  throw bad(endpoint, found ? `its "${path}" is too large` : `"${path}" is missing`)
}

function follow(files: ReadonlyMap<string, Kept>, path: string): Exclude<Kept, { kind: 'link' }> | undefined {
  let found = files.get(path)
  for (let hops = 0; found?.kind === 'link' && hops < 10; hops++) found = files.get(found.to)
  return found?.kind === 'link' ? undefined : found
}

function clean(path: string): string {
  return posix
    .normalize(path)
    .replace(/^(\.?\/)+/, '')
    .replace(/\/$/, '')
}

function bad(endpoint: string, state: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot take the image from "${endpoint}": ${state}`)
}
