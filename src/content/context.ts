import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fstatSync, readSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { rawName } from '../byte-name.ts'
import { XbuildError } from '../errors.ts'
import { openInside } from '../host/open-inside.ts'
import { readTextFile } from '../source/text-file.ts'
import type { Records } from '../store/records.ts'
import { filterFor } from './filter.ts'
import { selectSources, type SelectedSource, type SourceEntry } from './select.ts'

/** A folder that COPY takes files from, with a memory of what its files' contents are. */
export interface Context {
  readonly root: string
  /**
   * What `sources` match, every file with its content digest, and one digest over all of it (names, types, modes,
   * contents; no times).
   */
  select(
    sources: readonly string[],
    excludes: readonly string[],
  ): Promise<{ selected: readonly SelectedSource[]; digest: string }>
  /** Writes down the digests for the next build. */
  save(): Promise<void>
}

/**
 * [size, mtime, ctime, inode, digest]: a file whose first four are unchanged has the content it had. Times are
 * milliseconds.
 */
type Remembered = readonly [number, number, number, number, string]
/** Younger files may change again within one tick of the file system's clock. Milliseconds. */
const SETTLED = 2000
/** Larger files are read as a stream. Bytes. */
const BIG = 4 << 20

/** Opens a context folder. `ignoreFile` names a `.dockerignore` that wins over the one in the folder. */
export async function openContext(
  path: string,
  { records, ignoreFiles }: { records: Records; ignoreFiles: readonly string[] },
): Promise<Context> {
  const root = await realpath(path).catch((cause: unknown) => {
    throw new XbuildError('NOT_FOUND', `Cannot open the build context "${path}": no such folder`, {
      cause,
      hint: 'Name the folder that holds the files to copy',
    })
  })
  if (!(await stat(root)).isDirectory())
    throw new XbuildError('NOT_FOUND', `Cannot open the build context "${path}": it is not a folder`, {
      hint: 'Name a folder',
    })
  let ignore: Promise<string[]> | undefined
  let memory: Promise<Map<string, Remembered>> | undefined
  let changed = false
  const key = createHash('sha256').update(root).digest('hex')

  async function digestOf(entry: SourceEntry, path: string, known: Map<string, Remembered>): Promise<string> {
    const found = known.get(path)
    if (
      found &&
      found[0] === entry.size &&
      found[1] === entry.mtimeMs &&
      found[2] === entry.ctimeMs &&
      found[3] === entry.ino
    )
      return found[4]
    const digest = await hash(join(root, path), entry)
    if (Date.now() - Math.max(entry.mtimeMs, entry.ctimeMs) > SETTLED) {
      known.set(path, [entry.size, entry.mtimeMs, entry.ctimeMs, entry.ino, digest])
      changed = true
    }
    return digest
  }

  type Selection = Awaited<ReturnType<Context['select']>>
  /** The same COPY of several platforms reads the context once. */
  const selections = new Map<string, Promise<Selection>>()

  async function selectNew(sources: readonly string[], excludes: readonly string[]): Promise<Selection> {
    ignore ??= readIgnore([...ignoreFiles, join(root, '.dockerignore')])
    memory ??= records
      .get<{ files: Record<string, Remembered> }>('files', key)
      .then((record) => new Map(Object.entries(record?.files ?? {})))
    const [lines, known] = await Promise.all([ignore, memory])
    const selected = selectSources(root, sources, filterFor(lines, excludes))
    const all = createHash('sha256')
    let count = 0
    for (const source of selected) {
      all.update(JSON.stringify([source.name, source.isDir]))
      for (const entry of source.entries) {
        if ((count += 1) % 512 === 0) await breathe()
        if (entry.type === 'file')
          entry.digest = await digestOf(
            entry,
            source.path === '' ? entry.path : entry.path === '' ? source.path : `${source.path}/${entry.path}`,
            known,
          )
        // The mode of a copied folder's top is not carried over.
        const mode = source.isDir && entry.path === '' ? 0 : entry.mode
        all.update(rawName(`${entry.path}\0${entry.type}\0${mode}\0${entry.link ?? ''}\0${entry.digest ?? ''}\n`))
      }
    }
    return { selected, digest: all.digest('hex') }
  }

  return {
    root,
    select(sources, excludes) {
      const key = JSON.stringify([sources, excludes])
      const known = selections.get(key) ?? selectNew(sources, excludes)
      selections.set(key, known)
      return known
    },
    async save() {
      if (changed && memory) await records.put('files', key, { files: Object.fromEntries(await memory) })
      changed = false
    },
  }
}

/** Lines of the first of these files that is there. Throws NOT_FOUND when it cannot be read. */
export async function readIgnore(candidates: readonly string[]): Promise<string[]> {
  return (await readIgnoreFile(candidates))?.text.split('\n') ?? []
}

/** The first of these files that is there. Throws NOT_FOUND when it cannot be read. */
export async function readIgnoreFile(
  candidates: readonly string[],
): Promise<{ readonly file: string; readonly text: string } | undefined> {
  for (const file of candidates) {
    const text = await readTextFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
      if (error instanceof XbuildError) throw error
      throw new XbuildError('NOT_FOUND', `Cannot read "${file}": ${error.message}`, { cause: error })
    })
    if (text !== undefined) return { file, text }
  }
  return undefined
}

async function hash(file: string, entry: SourceEntry): Promise<string> {
  try {
    const digest = createHash('sha256')
    const fd = openInside(file)
    if (!fstatSync(fd).isFile()) throw closing(fd, 'it is no longer a file')
    if (entry.size <= BIG) readInto(fd, (chunk) => digest.update(chunk))
    else
      for await (const chunk of createReadStream(file, { fd, highWaterMark: 1 << 20 })) digest.update(chunk as Buffer)
    return digest.digest('hex')
  } catch (cause) {
    throw new XbuildError('NOT_FOUND', `Cannot read "${file}": ${(cause as Error).message}`, {
      cause,
      hint: 'Make it readable, or exclude it in .dockerignore',
    })
  }
}

function closing(fd: number, state: string): Error {
  closeSync(fd)
  return new Error(state)
}

/** One buffer for all files: twenty thousand small ones would otherwise leave as many buffers to collect. */
const piece = Buffer.allocUnsafe(1 << 18)

/** Reads an open file to its end, and closes it. */
function readInto(fd: number, use: (chunk: Buffer) => void): void {
  try {
    for (let bytes = readSync(fd, piece); bytes > 0; bytes = readSync(fd, piece)) use(piece.subarray(0, bytes))
  } finally {
    closeSync(fd)
  }
}
