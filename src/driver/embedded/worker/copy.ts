import {
  chmodSync, constants, copyFileSync, lchownSync, linkSync, lstatSync, lutimesSync, mkdirSync, openSync, closeSync, readSync, rmSync, symlinkSync, utimesSync, writeFileSync,
} from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { basename, dirname, join, relative } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { XbuildError } from '../../../errors.ts'
import { makeFolders, resolveInRoot } from '../in-root.ts'
import type { Changed, CopyParams } from '../protocol.ts'
import { selectSources, type SelectedSource, type SourceEntry } from '../select.ts'
import { filterFor } from '../filter.ts'
import { createUnpacker, decompress } from './apply.ts'
import { layerItems, type LayerItem } from './changes.ts'
import { parseChmod } from './chmod.ts'
import { isEmpty, makeSnapshot, withTree, type WorkerFolders } from './overlay.ts'
import { createTarReader } from '../../../oci/tar-reader.ts'
import { resolveOwner } from './users.ts'
import { readXattrs, writeXattrs } from './xattrs.ts'

/** Files above this are copied without holding up the worker's other steps. Bytes. */
const BIG = 4 << 20

/** COPY and ADD of local files, over `lowers`, as snapshot `id`. */
export async function copy(folders: WorkerFolders, params: CopyParams, signal: AbortSignal): Promise<Changed> {
  const { source } = params
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const target = createTarget(merged, params, signal)
    if (source.kind === 'context') {
      for (const selected of source.selected) await target.add(source.root, selected, source.checked ?? true)
    } else {
      await withTree(folders, source.lowers, async (root) => {
        const selected = selectSources(root, source.sources, filterFor([], source.excludes))
        for (const one of selected) await target.add(root, one, false)
        await target.xattrs(root, selected)
      })
    }
    for (const file of params.inline) target.addInline(file.name, file.content)
    target.finish()
    const lowers = params.lowers.map((lower) => join(folders.snapshots, lower))
    const contentKey = source.kind === 'context' ? contentKeyOf(layerItems(upper, { lowers, xattrs: new Map() }), target.digests) : undefined
    return { empty: isEmpty(upper), warnings: target.warnings, ...(contentKey ? { contentKey } : {}) }
  })
}

/** One text for equal layers, from digests known already; nothing when a file's digest is not known. */
function contentKeyOf(items: Iterable<LayerItem>, digests: ReadonlyMap<string, string>): string | undefined {
  const hash = createHash('sha256')
  for (const { entry, file } of items) {
    const digest = file === undefined ? '' : digests.get(entry.path)
    if (digest === undefined) return undefined
    hash.update(JSON.stringify([entry.path, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime, entry.link ?? '', digest]))
  }
  return hash.digest('hex')
}

/** The place that sources are copied to: decides names, owners, modes, times. */
function createTarget(root: string, params: CopyParams, signal: AbortSignal) {
  const fromContext = params.source.kind === 'context'
  const warnings: string[] = []
  const owner = params.chown === undefined ? undefined : resolveOwner(root, params.chown)
  if (owner?.unknown) warnings.push(`--chown=${params.chown}: the image has no "${owner.unknown}", 0 is used instead`)
  const chmod = params.chmod === undefined ? undefined : parseChmod(params.chmod)
  const idsOf = (entry: { uid: number; gid: number }) => owner ?? (fromContext ? { uid: 0, gid: 0 } : entry)
  const folderOwner = owner ?? { uid: 0, gid: 0 }
  const asFolder = params.dest.endsWith('/') || params.many
  /** Times to set at the end: folders whose content changed get back what they had, new ones the newest of what came. */
  const times = new Map<string, number>()
  const made = new Set<string>()
  const copied = new Map<string, string>() // "device inode" of a source with several names -> first copy
  const digests = new Map<string, string>() // path in the image -> content digest
  const placed: { selected: SelectedSource; at: string }[] = []
  let newest = 0
  let count = 0

  function keepTime(folder: string): void {
    if (!times.has(folder) && !made.has(folder)) times.set(folder, lstatSync(folder).mtimeMs / 1000)
  }

  function folders(path: string): string {
    // The deepest part that exists keeps its time.
    let existing = path
    while (existing !== '/' && !lstatSync(resolveInRoot(root, existing), { throwIfNoEntry: false })) existing = dirname(existing)
    const anchor = resolveInRoot(root, existing)
    if (lstatSync(anchor, { throwIfNoEntry: false })?.isDirectory()) keepTime(anchor)
    const result = makeFolders(root, path, folderOwner)
    for (const folder of result.made) {
      made.add(folder)
      if (chmod) chmodSync(folder, chmod(0o755, true))
    }
    return result.path
  }

  async function add(sourceRoot: string, selected: SelectedSource, checked: boolean): Promise<void> {
    const top = selected.entries[0]!
    const base = join(sourceRoot, selected.path)
    if (params.unpack && top.type === 'file' && (await looksLikeArchive(base))) return unpack(base)
    if (selected.isDir) {
      const folder = folders(params.dest)
      placed.push({ selected, at: folder })
      for (const entry of selected.entries) if (entry.path !== '') await place(join(base, entry.path), join(folder, entry.path), entry, checked)
      return
    }
    const path = fileTarget(selected.name)
    placed.push({ selected, at: path })
    await place(base, path, top, checked)
  }

  /** Where a single file goes: into the destination when that is a folder, through it when it is a symlink, else under its name. */
  function fileTarget(name: string): string {
    const there = lstatSync(resolveInRoot(root, params.dest), { throwIfNoEntry: false })
    if (asFolder || there?.isDirectory()) return join(folders(params.dest), name)
    const folder = folders(dirname(params.dest))
    const path = join(folder, basename(params.dest))
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? resolveInRoot(root, params.dest) : path
  }

  async function place(from: string, to: string, entry: SourceEntry, checked: boolean): Promise<void> {
    count += 1
    if (count % 256 === 0) {
      signal.throwIfAborted()
      await breathe() // other steps run in this process too
    }
    const seconds = entry.mtimeMs / 1000
    newest = Math.max(newest, seconds)
    const there = lstatSync(to, { throwIfNoEntry: false })
    const parent = dirname(to)
    if (!made.has(parent)) keepTime(parent)
    if (entry.type === 'dir') {
      if (there && !there.isDirectory()) throw refused(from, to, 'a folder cannot replace what is not a folder')
      if (!there) mkdirSync(to)
      made.add(to)
      times.set(to, seconds)
    } else {
      if (there?.isDirectory()) throw refused(from, to, 'a file cannot replace a folder')
      if (there) rmSync(to)
      if (await makeFile(from, to, entry, checked)) return
    }
    const ids = idsOf(entry)
    lchownSync(to, ids.uid, ids.gid)
    if (entry.type === 'symlink') lutimesSync(to, seconds, seconds)
    else {
      chmodSync(to, chmod ? chmod(entry.mode, entry.type === 'dir') : entry.mode)
      if (entry.type !== 'dir') utimesSync(to, seconds, seconds)
    }
  }

  /** Makes the object at `to`; true when it is another name of one that is finished already. */
  async function makeFile(from: string, to: string, entry: SourceEntry, checked: boolean): Promise<boolean> {
    if (entry.type === 'symlink') {
      symlinkSync(entry.link ?? '', to)
      return false
    }
    if (entry.type === 'socket') {
      writeFileSync(to, '')
      return false
    }
    if (entry.type !== 'file') throw refused(from, to, `it is a ${entry.type === 'fifo' ? 'named pipe' : 'device'}`)
    if (entry.nlink > 1) {
      const first = copied.get(`${entry.ino}`)
      if (first) {
        linkSync(first, to)
        return true
      }
      copied.set(`${entry.ino}`, to)
    }
    if (entry.size > BIG) await copyFile(from, to, constants.COPYFILE_EXCL)
    else copyFileSync(from, to, constants.COPYFILE_EXCL)
    if (checked) checkUnchanged(from, entry)
    if (entry.digest) digests.set(relative(root, to), entry.digest)
    return false
  }

  async function unpack(archive: string): Promise<void> {
    folders(params.dest)
    const unpacker = createUnpacker(folders(params.dest), { upper: undefined, keepOwners: owner === undefined, ...(owner ? { owner } : {}) })
    const reader = createTarReader(unpacker.sink)
    for await (const chunk of decompress(archive)) {
      signal.throwIfAborted()
      reader.write(chunk)
    }
    reader.finish()
    await unpacker.finish()
  }

  function addInline(name: string, content: string): void {
    const path = fileTarget(name)
    if (lstatSync(path, { throwIfNoEntry: false })) rmSync(path)
    keepTime(dirname(path))
    writeFileSync(path, content)
    digests.set(relative(root, path), createHash('sha256').update(content).digest('hex'))
    lchownSync(path, folderOwner.uid, folderOwner.gid)
    chmodSync(path, chmod ? chmod(0o644, false) : 0o644)
    utimesSync(path, 0, 0) // the Dockerfile gives no time; any other would change the layer's digest
  }

  async function xattrs(sourceRoot: string, all: readonly SelectedSource[]): Promise<void> {
    for (const selected of all) {
      const at = placed.find((one) => one.selected === selected)?.at
      if (!at) continue
      const base = join(sourceRoot, selected.path)
      const table = await readXattrs(selected.isDir ? base : dirname(base), '^security\\.capability$')
      const wanted = selected.isDir ? [...table] : [...table].filter(([path]) => path.replace(/^\.\//, '') === basename(base)).map(([, value]) => [basename(at), value] as const)
      await writeXattrs(selected.isDir ? at : dirname(at), new Map(wanted))
    }
  }

  function finish(): void {
    for (const folder of made) if (!times.has(folder)) times.set(folder, newest)
    for (const [folder, seconds] of [...times].sort(([a], [b]) => b.length - a.length)) utimesSync(folder, seconds, seconds)
  }

  return { add, addInline, xattrs, finish, warnings, digests }
}

function refused(from: string, to: string, why: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot copy "${basename(from)}" to "${basename(to)}": ${why}`, { hint: 'Copy to another name, or remove what is there in an earlier RUN' })
}

/** The bytes just copied must be those that the cache key was made from. */
function checkUnchanged(from: string, entry: SourceEntry): void {
  const now = lstatSync(from, { throwIfNoEntry: false })
  if (now && now.size === entry.size && now.mtimeMs === entry.mtimeMs && now.ctimeMs === entry.ctimeMs && now.ino === entry.ino) return
  throw new XbuildError('CONTEXT_CHANGED', `Cannot copy "${from}": the file changed while it was read`, { hint: 'Build again when nothing writes into the context' })
}

/** Whether ADD should unpack a file: gzip, bzip2, xz or zstd data, or a tar header. */
async function looksLikeArchive(file: string): Promise<boolean> {
  const fd = openSync(file, 'r')
  try {
    const head = Buffer.alloc(512)
    const bytes = readSync(fd, head, 0, 512, 0)
    if (bytes === 512 && head.toString('latin1', 257, 262) === 'ustar') return true
    if (head[0] === 0x1f && head[1] === 0x8b) return await startsWithTar(file)
    const packed = head.toString('latin1', 0, 3) === 'BZh' || head.subarray(0, 6).equals(Buffer.from('fd377a585a00', 'hex'))
    if (packed) throw new XbuildError('UNSUPPORTED', `Cannot unpack "${basename(file)}": only plain and gzip archives are unpacked so far`, { hint: 'Repack it with gzip, or COPY it and unpack it in a RUN' })
    return false
  } finally {
    closeSync(fd)
  }
}

async function startsWithTar(file: string): Promise<boolean> {
  let head = Buffer.alloc(0)
  try {
    for await (const chunk of decompress(file)) {
      head = Buffer.concat([head, chunk])
      if (head.length >= 512) break
    }
  } catch {
    return false
  }
  return head.length >= 512 && head.toString('latin1', 257, 262) === 'ustar'
}
