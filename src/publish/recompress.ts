import { createHash } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import type { Compression } from '../config/image-form.ts'
import type { BlobSource } from '../content/built-image.ts'
import { compressor } from '../content/compress.ts'
import { decompress } from '../content/decompress.ts'
import { XbuildError } from '../errors.ts'
import { pipeToFile } from '../host/pipe-to-file.ts'
import { forEachLimited } from '../host/pool.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { digestHex, type sha256 } from '../oci/digest.ts'
import { makeManifest } from '../oci/make-manifest.ts'
import { toOciMediaType } from '../oci/media-type.ts'
import { hashFile } from '../store/blobs.ts'
import { markedName } from '../store/leftovers.ts'
import type { Store } from '../store/store.ts'
import { readManifest } from '../content/read-blob.ts'
import type { PlatformImage } from './image-set.ts'

/** Where layers that are compressed anew are kept. */
export interface RecompressOptions {
  readonly store: Store
  readonly signal: AbortSignal
}

/** Layers at a time: each takes a processor. */
const AT_A_TIME = 2

const TYPES = { gzip: MEDIA_TYPE.layerGzip, zstd: MEDIA_TYPE.layerZstd, uncompressed: MEDIA_TYPE.layer } as const

/** Compresses layers of images anew, each once, whatever the number of images and outputs that have it. */
export function createRecompress({
  store,
  signal,
}: RecompressOptions): (image: PlatformImage, compression: Compression) => Promise<PlatformImage> {
  const made = new Map<string, Promise<Descriptor>>()

  /** The same layer in another compression, in the store. */
  async function convert(layer: Descriptor, from: BlobSource, { type, level, diffId }: Wanted): Promise<Descriptor> {
    const [plain, packed] = ['layer', 'packed'].map((what) => join(store.folder.tmp, markedName(what))) as [
      string,
      string,
    ]
    try {
      const here = await from.path(layer)
      if (here === undefined) await pipeToFile([await from.read(layer)], plain, { flags: 'wx', signal })
      const bytes = checkedPlain(here ?? plain, layer, diffId)
      await pipeToFile([bytes, ...(type === 'uncompressed' ? [] : [compressor(type, level)])], packed, {
        flags: 'wx',
        signal,
      })
      const digest = await hashFile(packed)
      const { size } = await stat(packed)
      await store.blobs.adopt(packed, digest)
      return { mediaType: TYPES[type], digest, size }
    } finally {
      await Promise.all([plain, packed].map((file) => rm(file, { force: true })))
    }
  }

  return async (entry, { type, level, force = false }) => {
    const { image } = entry
    const manifest = await readManifest(image)
    const layers = [...manifest.layers]
    await forEachLimited([...layers.keys()], { limit: AT_A_TIME, signal }, async (index) => {
      const layer = layers[index]!
      const isBase = index < (image.baseLayers ?? 0)
      const own = toOciMediaType(layer.mediaType)
      if (!Object.values<string>(TYPES).includes(own) || (isBase && !force)) return
      // A level is for what this build compresses, not for layers that are as they should be
      if (own === TYPES[type] && (isBase || level === undefined)) return
      const diffId = image.config.rootfs.diff_ids[index]!
      const key = JSON.stringify([layer.digest, type, level])
      const running = made.get(key) ?? convert(layer, image.blobs, { type, level, diffId })
      made.set(key, running)
      layers[index] = await running
    })
    if (layers.every((layer, index) => layer === manifest.layers[index])) return entry
    const { annotations } = manifest
    const { descriptor, bytes } = makeManifest({
      config: manifest.config,
      layers,
      ...compact({ annotations }),
    })
    await store.blobs.put(bytes, descriptor.mediaType)
    const { platform } = image.descriptor
    return {
      ...entry,
      image: {
        ...image,
        descriptor: { ...descriptor, ...compact({ platform }) },
        blobs: withBlobs(image.blobs, new Set([descriptor, ...layers].map(({ digest }) => digest)), store),
      },
    }
  }
}

interface Wanted {
  readonly type: Compression['type']
  readonly level: number | undefined
  readonly diffId: string
}

/** The plain bytes of a packed layer. Throws DIGEST_MISMATCH when they are not what the config of the image says. */
async function* checkedPlain(
  file: string,
  { digest }: Descriptor,
  diffId: string,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash(diffId.startsWith('sha512:') ? 'sha512' : 'sha256')
  for await (const chunk of decompress(file, digest)) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') === digestHex(diffId as ReturnType<typeof sha256>)) return
  throw new XbuildError('DIGEST_MISMATCH', `Cannot compress layer "${digest}" anew: its content is not "${diffId}"`, {
    hint: 'The image is damaged, or its config is of another image',
  })
}

/** What the store has of these digests, and everything else from where it was. */
function withBlobs(before: BlobSource, digests: ReadonlySet<string>, store: Store): BlobSource {
  const isHere = async ({ digest, size }: Descriptor) => digests.has(digest) && (await store.blobs.has(digest, size))
  return {
    path: async (descriptor) =>
      (await isHere(descriptor)) ? store.blobs.path(descriptor.digest) : before.path(descriptor),
    read: async (descriptor) =>
      (await isHere(descriptor)) ? store.blobs.read(descriptor.digest) : before.read(descriptor),
    origins: (descriptor) => before.origins(descriptor),
  }
}
