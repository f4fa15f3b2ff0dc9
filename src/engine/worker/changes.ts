import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { byBytes } from '../../byte-name.ts'
import { XbuildError } from '../../errors.ts'
import { readdirSync, readlinkSync } from '../../host/byte-files.ts'
import { shownName } from '../../oci/tar-decode.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { deviceNumbers } from './make-node.ts'
import type { XattrTable } from './xattrs.ts'

/** One thing to write into a layer; `file` holds the data of a regular file. */
export interface LayerItem {
  readonly entry: TarEntry
  readonly file?: string
}

/** How an upper folder is read as a layer. */
export interface ChangesOptions {
  /** Upper folders below it, bottom first. */
  readonly lowers: readonly string[]
  readonly xattrs: XattrTable
  /** No time stamp may be later than this. Seconds. */
  readonly clamp?: number | undefined
}

/**
 * What an overlay's upper folder changes, as layer entries in a fixed order (image-spec layer.md, "Creating"):
 * whiteouts for what was removed, and no entry for a folder that is only there because something below it changed.
 */
export function* layerItems(upper: string, options: ChangesOptions): Generator<LayerItem> {
  const walk = { ...options, upper, links: new Map<number, string>() }
  // One generator for all folders: in each other, thousands of them are too many for the stack
  const open: Folder[] = [folderAt('', walk)]
  for (let folder = open.at(-1); folder; folder = open.at(-1)) {
    const name = folder.names.pop()
    if (name === undefined) {
      open.pop()
      continue
    }
    const { items, below } = itemsOf(name, folder)
    yield* items
    if (below) open.push(folderAt(below.path, below.walk))
  }
}

/** `links`: the first name of every file with several, by inode. */
type Walk = ChangesOptions & { readonly upper: string; readonly links: Map<number, string> }

/** A folder that is being read: the names that are left, the next one last. */
interface Folder {
  readonly path: string
  readonly names: string[]
  readonly walk: Walk
}

function folderAt(path: string, walk: Walk): Folder {
  return { path, names: readdirSync(join(walk.upper, path)).sort(byBytes).reverse(), walk }
}

/** What a layer has of one name, and the folder to be read next, when it is one. */
function itemsOf(
  name: string,
  { path: folder, walk }: Folder,
): { readonly items: readonly LayerItem[]; readonly below?: { readonly path: string; readonly walk: Walk } } {
  const { upper, links, lowers, clamp } = walk
  const path = folder === '' ? name : `${folder}/${name}`
  const full = join(upper, path)
  const stat = lstatIfPresent(full)
  if (!stat) throw unnamable(path, 'its path is too long')
  if (stat.isSocket()) return { items: [] } // meaningless outside of the process that made it
  if (stat.isCharacterDevice() && stat.rdev === 0)
    return { items: [{ entry: empty(`${folder === '' ? '' : `${folder}/`}.wh.${name}`) }] }
  if (name.startsWith('.wh.')) throw unnamable(path, 'layers use this name to mark removed files')
  const attributes = walk.xattrs.get(path)
  const opaque = attributes?.get('user.overlay.opaque')?.toString() === 'y'
  const kept = new Map([...(attributes ?? [])].filter(([key]) => key === 'security.capability'))
  const entry = entryOf(path, full, stat, clamp, kept)
  if (stat.isDirectory()) {
    const items = opaque || !isUnchanged(path, stat, { lowers, clamp }) ? [{ entry }] : []
    if (opaque) items.push({ entry: empty(`${path}/.wh..wh..opq`) })
    return { items, below: { path, walk: opaque ? { ...walk, lowers: [] } : walk } }
  }
  const first = stat.nlink > 1 ? links.get(stat.ino) : undefined
  if (first !== undefined) return { items: [{ entry: { ...entry, type: 'hardlink', link: first, size: 0 } }] }
  if (stat.nlink > 1) links.set(stat.ino, path)
  return { items: [stat.isFile() ? { entry, file: full } : { entry }] }
}

function unnamable(path: string, why: string): XbuildError {
  return new XbuildError('UNSUPPORTED', `Cannot pack "${shownName(path)}": ${why}`, {
    hint: 'Give it another name, or remove it in the same step',
  })
}

function empty(path: string): TarEntry {
  return { path, type: 'file', mode: 0o600, uid: 0, gid: 0, size: 0, mtime: 0 }
}

function entryOf(
  path: string,
  full: string,
  stat: Stats,
  clamp: number | undefined,
  xattrs: ReadonlyMap<string, Buffer>,
): TarEntry {
  const seconds = Math.floor(stat.mtimeMs / 1000)
  const type = stat.isDirectory()
    ? 'dir'
    : stat.isFile()
      ? 'file'
      : stat.isSymbolicLink()
        ? 'symlink'
        : stat.isFIFO()
          ? 'fifo'
          : stat.isCharacterDevice()
            ? 'char'
            : 'block'
  return {
    path,
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    size: type === 'file' ? stat.size : 0,
    mtime: clamp === undefined ? seconds : Math.min(seconds, clamp),
    ...(type === 'symlink' ? { link: readlinkSync(full) } : {}),
    ...(type === 'char' || type === 'block' ? deviceNumbers(stat.rdev) : {}),
    ...(xattrs.size > 0 ? { xattrs } : {}),
  }
}

/** Whether the topmost folder of that name below looks the same, so that the layer need not mention it. */
function isUnchanged(path: string, stat: Stats, { lowers, clamp }: Pick<Walk, 'lowers' | 'clamp'>): boolean {
  for (const lower of lowers.toReversed()) {
    // First: a link on the way would be followed out of the layer
    if (isCovered(lower, path)) return false
    const below = lstatIfPresent(join(lower, path))
    if (below) return below.isDirectory() && sameAttributes(below, stat) && sameTime(below.mtimeMs, stat.mtimeMs, clamp)
  }
  return false
}

function sameAttributes(a: Stats, b: Stats): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid
}

/**
 * Whole seconds would not do: whether a folder that changed is in the layer would depend on how soon after the step
 * before it that was. With a limit, times beyond it are the same, as they are in the layers. A time that was set again
 * is off by less than a millisecond.
 */
function sameTime(a: number, b: number, clamp: number | undefined): boolean {
  return Math.abs(a - b) < 1 || (clamp !== undefined && Math.min(a, b) >= clamp * 1000)
}

/** Whether a layer has something else than a folder on the way to a path: nothing further below shows through. */
function isCovered(lower: string, path: string): boolean {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const found = lstatIfPresent(join(lower, path.slice(0, at)))
    if (!found) return false
    if (!found.isDirectory()) return true
  }
  return false
}
