import type { TarEntry } from '../oci/tar-format.ts'
import type { TarSink } from '../oci/tar-reader.ts'
import { createFileCapture, wholeFile, type FileCapture } from './file-capture.ts'
import { mayBeProgram, readProgram } from './read-program.ts'
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
  /** Everything else that is no folder: folders, and the names in each with a slash between them. */
  readonly others: readonly (readonly [folder: string, names: string])[]
  /** There was more than is kept. */
  readonly isCut?: true
}

const MAX_SCRIPT = 256
/** A part of a path that is empty, `.` or `..`. */
const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/
/** More text, in characters, than any layer needs: a hostile one must not fill the memory. */
const MAX_TEXT = 64 << 20
/** What an entry takes beside its texts, in characters; one more name in a folder takes less. */
const ENTRY = 64
const NAME = 16

/** A file that goes by. */
interface OpenFile {
  readonly entry: TarEntry
  readonly path: string
  /** Its first bytes, when they came in a piece that was too small to tell what it is. */
  head?: Buffer
  isKnown: boolean
  script?: readonly string[] | undefined
  program?: Program | undefined
  capture?: FileCapture
}

/** Reads a layer's tar entries as they go by. */
export function createLayerScan(): TarSink & { result(): LayerFiles } {
  const programs: ProgramFile[] = []
  const symlinks: [string, string][] = []
  const hardlinks: [string, string][] = []
  const removed: string[] = []
  const opaque: string[] = []
  const others: [folder: string, names: string][] = []
  let open: OpenFile | undefined

  let left = MAX_TEXT

  /** Whether there is room for one more thing; nothing is kept once there was none. */
  function fits(size: number): boolean {
    left -= size
    return left >= 0
  }

  // Archives have the files of a folder one after the other
  function addOther(path: string): void {
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    const last = others.at(-1)
    if (last && last[0].length === Math.max(0, slash) && path.startsWith(last[0])) {
      if (fits(NAME + name.length)) last[1] += `/${name}`
    } else if (fits(ENTRY + path.length)) others.push([path.slice(0, Math.max(0, slash)), name])
  }

  function place(entry: TarEntry): void {
    const path = cleanPath(entry.path)
    if (path === '') return
    const start = path.lastIndexOf('/') + 1
    if (path.startsWith('.wh.', start)) {
      const folder = path.slice(0, Math.max(0, start - 1))
      if (!fits(ENTRY + path.length)) return
      if (path.endsWith('.wh..wh..opq') && path.length === start + 12) opaque.push(folder)
      else removed.push(`${path.slice(0, start)}${path.slice(start + 4)}`)
      return
    }
    const { type, link = '' } = entry
    if (type === 'dir') return
    if (type === 'symlink' || type === 'hardlink') {
      if (!fits(ENTRY + path.length + link.length)) return
      if (type === 'symlink') symlinks.push([path, link])
      else hardlinks.push([path, cleanPath(link)])
    } else if (type === 'file') open = { entry, path, isKnown: false }
    else addOther(path)
  }

  function scan(chunk: Buffer): void {
    if (!open) return
    const { entry, head: before, isKnown } = open
    if (isKnown) return open.capture?.write(chunk)
    const wanted = Math.min(MAX_SCRIPT, entry.size)
    // Nearly every file's first piece says what it is, and is looked at where it lies
    const head = before ? Buffer.concat([before, chunk]) : chunk
    if (head.length < wanted) return void (open.head = before ? head : Buffer.from(chunk))
    open.isKnown = true
    if (!mayBeProgram(head)) {
      if (isExecutable(entry)) open.script = scriptOf(head.subarray(0, wanted))
    } else if (head.length >= entry.size) open.program = readProgram(wholeFile(head))
    else {
      open.capture = createFileCapture(entry.size)
      open.capture.write(head)
    }
  }

  function close(): void {
    if (!open) return
    const { entry, path, capture, script } = open
    const program = open.program ?? (capture && readProgram(capture.bytes()))
    open = undefined
    const executable = isExecutable(entry)
    if (program) {
      const { needed = [], loader } = program
      if (fits(sizeOf(path, loader ? [loader, ...needed] : needed))) programs.push({ path, executable, program })
    } else if (script) {
      if (fits(sizeOf(path, script))) programs.push({ path, executable, script })
    } else addOther(path)
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
      others,
      ...(left < 0 ? { isCut: true as const } : {}),
    }),
  }
}

/** What a program with these texts takes, in characters. */
function sizeOf(path: string, texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + ENTRY + text.length, ENTRY + path.length)
}

function scriptOf(head: Buffer): string[] | undefined {
  if (head[0] !== 0x23 || head[1] !== 0x21) return undefined
  // As the kernel reads it: \r is a part of the name
  const line = head.toString('utf8', 2).split('\n', 1)[0]!
  const words = line.split(/[ \t]+/).filter(Boolean)
  return words.length > 0 ? words : undefined
}

function isExecutable({ mode }: TarEntry): boolean {
  return (mode & 0o111) !== 0
}

function isSlashOrDot(code: number): boolean {
  return code === 0x2e || code === 0x2f
}

/** A path from the root, without `.`, `..` and slashes at its ends. */
export function cleanPath(path: string): string {
  // Searches for short texts are quicker than a pattern, and nearly every path is clean
  const mayBeUnclean =
    path === '' || isSlashOrDot(path.charCodeAt(0)) || path.endsWith('/') || path.includes('/.') || path.includes('//')
  if (!mayBeUnclean || !UNCLEAN.test(path)) return path
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}
