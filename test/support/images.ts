import { createReadStream } from 'node:fs'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { BlobSource, BuiltImage } from '../../src/content/built-image.ts'
import { MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from '../../src/oci/descriptor.ts'
import { digestHex, sha256 } from '../../src/oci/digest.ts'
import { makeImageConfig, scratchConfig } from '../../src/oci/make-image-config.ts'
import { makeManifest } from '../../src/oci/make-manifest.ts'
import { encodeTarHeader, paddingOf, type TarEntry } from '../../src/oci/tar-format.ts'
import { parsePlatform } from '../../src/platform.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'

/** A tar entry in few words; `data` makes it a file. */
export type SmallEntry = Partial<TarEntry> & { readonly path: string; readonly data?: string | Buffer }

/** An uncompressed tar archive. */
export function tarOf(entries: readonly SmallEntry[]): Buffer {
  const parts = entries.flatMap(({ data = '', ...entry }) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const header = encodeTarHeader({
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      ...entry,
      size: bytes.length,
    })
    return [header, bytes, Buffer.alloc(paddingOf(bytes.length))]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

/** A blob source over a folder of files named by their digest's hex part. */
export function folderSource(
  folder: string,
  origins: readonly string[] = [],
): BlobSource & { put(bytes: Buffer, mediaType: string): Promise<Descriptor> } {
  const nameOf = (descriptor: Descriptor) => join(folder, digestHex(descriptor.digest))
  return {
    path: async (descriptor) =>
      stat(nameOf(descriptor)).then(
        () => nameOf(descriptor),
        () => undefined,
      ),
    read: async (descriptor) => createReadStream(nameOf(descriptor)),
    origins: async () => origins,
    put: async (bytes, mediaType) => {
      await mkdir(folder, { recursive: true })
      const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length }
      await writeFile(nameOf(descriptor), bytes)
      return descriptor
    },
  }
}

/** A small image of one layer with the given files; a shared layer comes below it when `below` is given. */
export async function smallImage(
  folder: string,
  platform: string,
  options: { files?: readonly SmallEntry[]; below?: readonly SmallEntry[]; origins?: readonly string[] } = {},
): Promise<PlatformImage> {
  const files = options.files ?? [
    { path: 'etc', type: 'dir', mode: 0o755 },
    { path: 'etc/platform', data: `${platform}\n` },
  ]
  const source = folderSource(folder, options.origins)
  const parsed = parsePlatform(platform)
  const tars = [...(options.below ? [tarOf(options.below)] : []), tarOf(files)]
  const layers = await Promise.all(tars.map((tar) => source.put(tar, MEDIA_TYPE.layer)))
  const config = makeImageConfig({
    base: undefined,
    platform: parsed,
    config: { ...scratchConfig({ os: 'linux' }), Cmd: ['/hello'] },
    history: tars.map((_, index) => ({ created_by: `COPY ${index} / # buildkit` })),
    diffIds: layers.map((layer) => layer.digest),
    created: '1970-01-01T00:00:00Z',
    sourceDateEpoch: 0,
  })
  await source.put(config.bytes, MEDIA_TYPE.config)
  const manifest = makeManifest({ config: config.descriptor, layers })
  await source.put(manifest.bytes, MEDIA_TYPE.manifest)
  const image: BuiltImage = {
    descriptor: { ...manifest.descriptor, platform: toDescriptorPlatform(parsed) },
    config: config.config,
    blobs: source,
    exportTree: async () => Readable.from([tarOf(files)]),
  }
  return { platform: parsed, image }
}

/** Images for arm64 and amd64, in this order, that share their lower layer. */
export async function twoSmallImages(folder: string): Promise<PlatformImage[]> {
  const below = [{ path: 'shared', data: 'the same for both' }]
  return [await smallImage(folder, 'linux/arm64', { below }), await smallImage(folder, 'linux/amd64', { below })]
}
