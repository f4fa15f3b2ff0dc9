import { encodeTarHeader, paddingOf, type TarEntry } from '../../../src/oci/tar-format.ts'
import { createTarReader } from '../../../src/oci/tar-reader.ts'
import { createLayerScan, type LayerFiles } from '../../../src/audit/layer-files.ts'

/** A file of a made layer: its bytes and mode, or where a link leads; `dir` makes a folder. */
export type MadeFile =
  | { readonly bytes: Buffer | string; readonly mode?: number }
  | { readonly symlink: string }
  | { readonly hardlink: string }

/** What the scan of a layer with these files finds; the tar stream comes in pieces of `piece` bytes. */
export function scanLayer(files: Readonly<Record<string, MadeFile>>, piece = 1000): LayerFiles {
  const scan = createLayerScan()
  const reader = createTarReader(scan)
  const tar = Buffer.concat([
    ...Object.entries(files).flatMap(([path, file]) => entryOf(path, file)),
    Buffer.alloc(1024),
  ])
  for (let at = 0; at < tar.length; at += piece) reader.write(tar.subarray(at, at + piece))
  reader.finish()
  return scan.result()
}

function entryOf(path: string, file: MadeFile): Buffer[] {
  const common = { path, uid: 0, gid: 0, mtime: 0 }
  const make = (rest: Pick<TarEntry, 'type' | 'mode' | 'size'> & { link?: string }) =>
    encodeTarHeader({ ...common, ...rest })
  if ('symlink' in file) return [make({ type: 'symlink', mode: 0o777, size: 0, link: file.symlink })]
  if ('hardlink' in file) return [make({ type: 'hardlink', mode: 0o755, size: 0, link: file.hardlink })]
  const bytes = Buffer.from(file.bytes as Buffer)
  return [
    make({ type: 'file', mode: file.mode ?? 0o755, size: bytes.length }),
    bytes,
    Buffer.alloc(paddingOf(bytes.length)),
  ]
}
