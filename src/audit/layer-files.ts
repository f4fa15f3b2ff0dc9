import { createHash } from 'node:crypto'
import type { TarEntry } from '../oci/tar-format.ts'
import type { TarSink } from '../oci/tar-reader.ts'
import { createFileCapture, type FileCapture } from './file-capture.ts'
import { MAGIC_BYTES, mayBeProgram, readProgram } from './read-program.ts'
import type { Program } from './types.ts'

/** A program, library or script of a layer; `path` has no slash at its beginning. */
export interface ProgramFile {
  readonly path: string
  /** Has an x bit. */
  readonly executable: boolean
  readonly program?: Program
  /** The words after `#!`. */
  readonly script?: readonly string[]
}

/** What an audit needs to know of a layer: plain JSON, kept by the layer's digest. */
export interface LayerFiles {
  readonly programs: readonly ProgramFile[]
  /** Symbolic and hard links: path and target. */
  readonly symlinks: readonly (readonly [path: string, target: string])[]
  readonly hardlinks: readonly (readonly [path: string, target: string])[]
  /** Paths that the layer removes; folders whose content of lower layers it hides. */
  readonly removed: readonly string[]
  readonly opaque: readonly string[]
  /** Everything else that is no folder: the first bytes of a hash of each path, sorted, base64. */
  readonly others: string
  /** There was more than is kept. */
  readonly isCut?: true
}

/** As many bytes of a path's hash: of a million paths one in 280 million is taken for another. */
export const HASH_BYTES = 6
const MAX_SCRIPT = 256
/** More text, in characters, than any layer needs: a hostile one must not fill the memory. */
const MAX_TEXT = 64 << 20
/** What an entry takes beside its texts, in characters; a hash takes less. */
const ENTRY = 64
const HASH = 16

/** The hash that stands for a path in `others`. */
export function pathHash(path: string): string {
  return createHash('sha256').update(path).digest().toString('hex', 0, HASH_BYTES)
}

/** Reads a layer's tar entries as they go by. */
export function createLayerScan(): TarSink & { result(): LayerFiles } {
  const programs: ProgramFile[] = []
  const symlinks: [string, string][] = []
  const hardlinks: [string, string][] = []
  const removed: string[] = []
  const opaque: string[] = []
  const others: string[] = []
  let open: { readonly entry: TarEntry; readonly path: string; head: Buffer; capture?: FileCapture } | undefined

  let left = MAX_TEXT

  /** Whether there is room for one more thing; nothing is kept once there was none. */
  function fits(size: number, ...texts: readonly (string | undefined)[]): boolean {
    left -= texts.reduce((sum, text = '') => sum + text.length, size)
    return left >= 0
  }

  function place(entry: TarEntry): void {
    const path = cleanPath(entry.path)
    if (path === '') return
    const name = path.slice(path.lastIndexOf('/') + 1)
    const folder = path.slice(0, Math.max(0, path.length - name.length - 1))
    if (name === '.wh..wh..opq') return void (fits(ENTRY, folder) && opaque.push(folder))
    if (name.startsWith('.wh.'))
      return void (fits(ENTRY, path) && removed.push(folder === '' ? name.slice(4) : `${folder}/${name.slice(4)}`))
    if (entry.type === 'dir') return
    const link = entry.link ?? ''
    if (entry.type === 'symlink') return void (fits(ENTRY, path, link) && symlinks.push([path, link]))
    if (entry.type === 'hardlink') return void (fits(ENTRY, path, link) && hardlinks.push([path, cleanPath(link)]))
    if (entry.type === 'file') open = { entry, path, head: Buffer.alloc(0) }
    else if (fits(HASH)) others.push(pathHash(path))
  }

  function scan(chunk: Buffer): void {
    if (!open || open.head.length >= MAX_SCRIPT) return open?.capture?.write(chunk)
    const before = open.head.length
    const wanted = Math.min(MAX_SCRIPT, open.entry.size)
    open.head = Buffer.concat([open.head, chunk.subarray(0, wanted - before)])
    const decided = before >= MAGIC_BYTES
    if (!decided && (open.head.length >= MAGIC_BYTES || open.head.length === open.entry.size)) {
      if (!mayBeProgram(open.head)) return
      open.capture = createFileCapture(open.entry.size)
      open.capture.write(open.head.subarray(0, before))
    }
    open.capture?.write(chunk)
  }

  function close(): void {
    if (!open) return
    const { entry, path, head, capture } = open
    open = undefined
    const executable = (entry.mode & 0o111) !== 0
    const program = capture && readProgram(capture.bytes())
    const script = executable ? scriptOf(head) : undefined
    if (program) {
      const { needed = [], loader } = program
      if (fits(ENTRY * (1 + needed.length), path, loader, ...needed)) programs.push({ path, executable, program })
    } else if (script) {
      if (fits(ENTRY * (1 + script.length), path, ...script)) programs.push({ path, executable, script })
    } else if (fits(HASH)) others.push(pathHash(path))
  }

  return {
    entry: place,
    data: scan,
    end: close,
    result: () => ({
      programs,
      symlinks,
      hardlinks,
      removed,
      opaque,
      others: Buffer.from(others.toSorted().join(''), 'hex').toString('base64'),
      ...(left < 0 ? { isCut: true as const } : {}),
    }),
  }
}

function scriptOf(head: Buffer): string[] | undefined {
  if (head.toString('latin1', 0, 2) !== '#!') return undefined
  // As the kernel reads it: \r is a part of the name
  const line = head.toString('utf8', 2).split('\n', 1)[0]!
  const words = line.split(/[ \t]+/).filter(Boolean)
  return words.length > 0 ? words : undefined
}

/** A path from the root, without `.`, `..` and slashes at its ends. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}
