import {
  closeSync,
  createReadStream,
  fstatSync,
  lstatSync,
  read,
  readdirSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { compact } from '../../compact.ts'
import { ignoreMatcher, type IgnoreMatcher } from '../../dockerfile/ignore.ts'
import { XbuildError } from '../../errors.ts'
import { insideFolder, MovedError, openInside } from '../../host/open-inside.ts'
import { encodeTarHeader, paddingOf, TAR_BLOCK, type TarType } from '../../oci/tar-format.ts'
import type { RemoteBuild } from '../remote-build.ts'

/** What is sent to a classic builder. */
export interface SentContext {
  /** A tar archive; absent: the engine fetches `remote` itself. */
  readonly tar?: AsyncIterable<Uint8Array>
  readonly remote?: string
  /** Path of the Dockerfile in it. */
  readonly dockerfile: string
}

/** The Dockerfile's name in a context that does not hold it. */
const OWN_NAME = '.xbuild.Dockerfile'
const IGNORE_NAME = '.dockerignore'

/**
 * The context of a build for a classic builder: a folder as a tar archive, sorted and owned by root, without what
 * .dockerignore leaves out. `text` is the Dockerfile as it is to be built; where the context does not hold just that,
 * it is added, hidden from COPY. Throws UNSUPPORTED for a changed Dockerfile in a context that cannot be added to;
 * CONTEXT_CHANGED while it is read.
 */
export function sentContext({ context, dockerfile, options }: RemoteBuild, text: string): SentContext {
  switch (context.kind) {
    case 'url':
      if (text !== dockerfile.text || isRemoteFile(options.file)) throw unsupported(context.url)
      return { remote: context.url, dockerfile: options.file ?? 'Dockerfile' }
    case 'archive':
      if (text !== dockerfile.text || isRemoteFile(options.file)) throw unsupported('-')
      return { tar: createReadStream(context.file), dockerfile: options.file ?? 'Dockerfile' }
    case 'nothing':
      return { tar: tarOf([], { Dockerfile: text }), dockerfile: 'Dockerfile' }
    case 'folder': {
      const ignore = ignoreMatcher(context.ignore)
      const own = relative(context.path, resolve(options.cwd, options.file ?? join(context.path, 'Dockerfile')))
      const inside = own !== '' && !own.startsWith('..') && !isAbsolute(own) && !ignore.matches(own)
      if (inside && text === dockerfile.text && isFile(join(context.path, own)))
        return { tar: tarOf(walk(realpathSync(context.path), ignore), {}), dockerfile: own }
      // The builder takes away what .dockerignore names once it has read both
      const added = {
        [OWN_NAME]: text,
        [IGNORE_NAME]: [...context.ignore, OWN_NAME, ...(hasIgnoreFile(context.path) ? [] : [IGNORE_NAME]), ''].join(
          '\n',
        ),
      }
      return { tar: tarOf(walk(realpathSync(context.path), ignore, added), added), dockerfile: OWN_NAME }
    }
  }
}

interface Found {
  readonly path: string
  readonly full: string
  readonly stat: Stats
  /** What a symbolic link says. */
  readonly link: string | undefined
}

function* walk(
  root: string,
  ignore: IgnoreMatcher,
  hidden: Readonly<Record<string, string>> = {},
  folder = '',
): Generator<Found, void, undefined> {
  for (const { path, full, stat, link } of itemsIn(root, folder)) {
    if (Object.hasOwn(hidden, path)) continue
    const left = ignore.matches(path)
    if (!left) yield { path, full, stat, link }
    if (stat.isDirectory() && !(left && ignore.canPrune(path))) yield* walk(root, ignore, hidden, path)
  }
}

/** What a folder holds, seen in one go: others may exchange it for a link that leads out of the context. */
function itemsIn(root: string, folder: string): Found[] {
  const at = join(root, folder)
  try {
    return insideFolder(at, (pinned) =>
      readdirSync(pinned)
        .map((name) => Buffer.from(name))
        .sort(Buffer.compare)
        .map((bytes) => {
          const name = String(bytes)
          const path = folder === '' ? name : `${folder}/${name}`
          const stat = lstatSync(`${pinned}/${name}`, { throwIfNoEntry: false })
          if (!stat) throw changed(path)
          const link = stat.isSymbolicLink() ? readlinkSync(`${pinned}/${name}`) : undefined
          return { path, full: join(at, name), stat, link }
        }),
    )
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (cause instanceof MovedError || code === 'ELOOP' || code === 'ENOTDIR') throw changed(folder, cause)
    throw cause
  }
}

async function* tarOf(
  files: Iterable<Found>,
  added: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const root = { uid: 0, gid: 0 }
  for (const [path, text] of Object.entries(added)) {
    const bytes = Buffer.from(text)
    yield encodeTarHeader({ ...root, path, type: 'file', mode: 0o644, size: bytes.length, mtime: 0 })
    yield bytes
    yield Buffer.alloc(paddingOf(bytes.length))
  }
  for (const { path, full, stat, link } of files) {
    const type = typeOf(stat)
    if (!type) continue
    const size = type === 'file' ? stat.size : 0
    yield encodeTarHeader({
      ...root,
      path,
      type,
      mode: stat.mode & 0o7777,
      size,
      mtime: Math.floor(stat.mtimeMs / 1000),
      ...compact({ link }),
    })
    if (type === 'file' && size > 0) yield* contentOf(path, full, stat)
  }
  yield Buffer.alloc(2 * TAR_BLOCK)
}

async function* contentOf(
  path: string,
  full: string,
  { size, ino, dev }: Stats,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = openFile(path, full)
  let left = size
  try {
    const found = fstatSync(file)
    if (found.ino !== ino || found.dev !== dev || !found.isFile()) throw changed(path)
    while (left > 0) {
      const chunk = Buffer.allocUnsafe(Math.min(left, 1 << 20))
      const bytesRead = await readFrom(file, chunk)
      if (bytesRead === 0) throw changed(path)
      left -= bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  } finally {
    closeSync(file)
  }
  yield Buffer.alloc(paddingOf(size))
}

function openFile(path: string, full: string): number {
  try {
    return openInside(full)
  } catch (thrown) {
    const cause = thrown as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(cause.code ?? '')) throw changed(path, cause)
    throw new XbuildError('NOT_FOUND', `Cannot read "${path}" in the context: ${cause.message}`, {
      cause,
      hint: 'Make it readable, or exclude it in .dockerignore',
    })
  }
}

const readFrom = (file: number, chunk: Buffer): Promise<number> =>
  new Promise((resolve, reject) =>
    read(file, chunk, 0, chunk.length, null, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  )

function typeOf(stat: Stats): TarType | undefined {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'symlink'
  return stat.isFIFO() ? 'fifo' : undefined
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function hasIgnoreFile(root: string): boolean {
  return lstatSync(join(root, IGNORE_NAME), { throwIfNoEntry: false }) !== undefined
}

/** A Dockerfile from standard input or a URL is in no context. */
function isRemoteFile(file: string | undefined): boolean {
  return file !== undefined && (file === '-' || file.includes('://') || isAbsolute(file))
}

function changed(path: string, cause?: unknown): XbuildError {
  return new XbuildError('CONTEXT_CHANGED', `Cannot send "${path}": it changed while the context was read`, {
    cause,
    hint: 'Build again when nothing writes to the context',
  })
}

function unsupported(context: string): XbuildError {
  return new XbuildError(
    'UNSUPPORTED',
    `Cannot send the Dockerfile beside context "${context}" to an engine without BuildKit`,
    { hint: 'Build on a node with BuildKit, or from a folder' },
  )
}
