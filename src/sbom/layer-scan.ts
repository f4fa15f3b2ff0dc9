import { cleanPath } from '../audit/layer-files.ts'
import { mayBeProgram } from '../audit/read-program.ts'
import { compact } from '../compact.ts'
import type { TarEntry } from '../oci/tar-format.ts'
import type { TarSink } from '../oci/tar-reader.ts'
import { readerOf, type Reader } from './files.ts'
import { createGoSearch, type GoSearch } from './go-search.ts'
import { MAX_PACKAGES } from './text.ts'
import type { Found, LayerPackages } from './types.ts'

/** Packages and links that are kept of a layer: more than any has, so that a hostile one does not fill the memory. */
const MAX_KEPT = MAX_PACKAGES
/** Bytes by which a program is told. */
const MAGIC = 4

interface Open {
  readonly path: string
  readonly size: number
  readonly reader?: Reader
  readonly parts: Buffer[]
  kept: number
  /** Nothing was seen of the file yet. */
  isNew: boolean
  go?: GoSearch
}

/** Reads what lists packages in a layer, as its tar entries go by. */
export function createPackageScan(): TarSink & { result(): LayerPackages } {
  const found: Found[] = []
  const links: string[] = []
  const hardlinks: [string, string][] = []
  const removed: string[] = []
  const opaque: string[] = []
  let open: Open | undefined
  let left = MAX_KEPT

  const fits = (count: number) => {
    left -= count
    return left >= 0
  }
  const add = (one: Found) => void (fits(1 + (one.packages?.length ?? 0)) && found.push(one))

  function place(entry: TarEntry): void {
    const path = cleanPath(entry.path)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const folder = path.slice(0, Math.max(0, path.length - name.length - 1))
    if (name === '.wh..wh..opq') return void (fits(1) && opaque.push(folder))
    if (name.startsWith('.wh.'))
      return void (fits(1) && removed.push(folder ? `${folder}/${name.slice(4)}` : name.slice(4)))
    if (entry.type === 'dir') return
    const reader = readerOf(path)
    if (entry.type === 'hardlink') return void (fits(1) && hardlinks.push([path, cleanPath(entry.link ?? '')]))
    if (entry.type === 'symlink' && fits(1)) links.push(path)
    if (entry.type !== 'file') return reader && add({ path }) // it hides what lower layers have there
    const isProgram = (entry.mode & 0o111) !== 0
    if (reader || isProgram) open = { path, size: entry.size, ...compact({ reader }), parts: [], kept: 0, isNew: true }
  }

  function scan(chunk: Buffer): void {
    if (!open) return
    const { reader, parts } = open
    if (reader) {
      const more = chunk.subarray(0, reader.limit - open.kept)
      if (more.length > 0) parts.push(Buffer.from(more))
      open.kept += more.length
      return
    }
    if (open.isNew) {
      open.isNew = false
      // A first piece that is shorter than the mark is one of a file that is read in tiny pieces: it is looked at, too
      if (chunk.length < MAGIC || mayBeProgram(chunk)) open.go = createGoSearch()
    }
    open.go?.write(chunk)
  }

  function close(): void {
    if (!open) return
    const { path, reader, parts, size, go } = open
    open = undefined
    if (reader) {
      if (size > reader.limit && !reader.beginning) return add({ path, unread: true })
      return add({ path, ...reader.read(Buffer.concat(parts)) })
    }
    const packages = go?.packages() ?? []
    // A program without any still hides the one of a lower layer
    add(packages.length > 0 ? { path, packages } : { path })
  }

  return {
    entry: place,
    data: scan,
    end: close,
    result: () => ({
      found,
      links,
      hardlinks,
      removed,
      opaque,
      ...(left < 0 ? { isCut: true as const } : {}),
    }),
  }
}
