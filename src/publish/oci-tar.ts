import { createReadStream } from 'node:fs'
import { dirname } from 'node:path'
import { forEachLimited } from '../host/pool.ts'
import { encodeTarHeader, paddingOf, TAR_BLOCK } from '../oci/tar-format.ts'
import { checked } from '../content/read-blob.ts'
import type { Content, ImageSet } from './image-set.ts'
import { blobPath, documentsOf, OCI_LAYOUT } from './layout-files.ts'
import type { LayoutOptions } from './oci-folder.ts'

/**
 * An OCI image layout as a tar stream: names sorted, owner 0:0, every time `mtime` (seconds), so that equal images give
 * equal archives. Blobs are streamed and checked on the way.
 */
export async function* ociTar(
  set: ImageSet,
  options: LayoutOptions & {
    readonly mtime: number /** More files at the top. */
    readonly more?: Readonly<Record<string, Buffer>>
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  // Layers of base images may have to be fetched first: several at a time
  await forEachLimited(
    set.blobs,
    { limit: 4, signal: options.signal },
    async ({ descriptor, source }) => void (await source.path(descriptor)),
  )
  const files = new Map<string, Buffer | Content>([
    ['index.json', options.index],
    ['oci-layout', OCI_LAYOUT],
    ...Object.entries(options.more ?? {}),
  ])
  for (const content of set.blobs) files.set(blobPath(content.descriptor), content)
  for (const { descriptor, bytes } of documentsOf(set)) files.set(blobPath(descriptor), bytes)
  const folders = new Set(
    [...files.keys()].filter((path) => path.includes('/')).flatMap((path) => ['blobs', dirname(path)]),
  )
  const common = { uid: 0, gid: 0, mtime: options.mtime }
  for (const path of [...folders, ...files.keys()].sort()) {
    const file = files.get(path)
    if (!file) {
      yield encodeTarHeader({ ...common, path, type: 'dir', mode: 0o755, size: 0 })
      continue
    }
    const size = Buffer.isBuffer(file) ? file.length : file.descriptor.size
    yield encodeTarHeader({ ...common, path, type: 'file', mode: 0o644, size })
    if (Buffer.isBuffer(file)) yield file
    else yield* checked(await open(file), file.descriptor)
    yield Buffer.alloc(paddingOf(size))
  }
  yield Buffer.alloc(2 * TAR_BLOCK)
}

async function open({ descriptor, source }: Content): Promise<NodeJS.ReadableStream> {
  const file = await source.path(descriptor)
  return file === undefined ? source.read(descriptor) : createReadStream(file, { highWaterMark: 1 << 20 })
}
