import { chmodSync, type Dirent, lstatSync, readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { XbuildError } from '../errors.ts'

/** Folders of a store that only its owner may enter. `packs` is shown to steps, which run as any user. */
const PRIVATE = ['blobs', 'blobs/sha256', 'ingest', 'records', 'snapshots', 'tmp', 'leases', 'runs'] as const
const SHOWN = ['packs'] as const
/** What may lie in a folder that becomes a store, or is one: `lost+found` is in every new file system. */
const OWN: ReadonlySet<string> = new Set(['format', 'boot', 'durable', ...PRIVATE, ...SHOWN, 'lost+found'])
const GROUP_OR_OTHERS = 0o077
const WRITABLE = 0o022
const STICKY = 0o1000

/**
 * Makes sure that nobody but this user can get into the store `root`, which exists; gives back its real path, and
 * whether others could until now. Throws STORE when it is another user's, or others can replace it.
 */
export function makePrivate(root: string): { readonly root: string; readonly opened: boolean } {
  const real = realpathSync(root)
  const top = lstatSync(real)
  if (!top.isDirectory()) throw refused(real, 'it is not a folder', 'Name a folder with --store or XBUILD_HOME')
  checkOwner(real, real, top)
  checkParents(real)
  const opened = (top.mode & GROUP_OR_OTHERS) !== 0
  if (opened) {
    checkIsStore(real)
    chmodSync(real, 0o700)
  }
  const pieces = [...PRIVATE, ...SHOWN].flatMap((name) => {
    const path = join(real, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    return found ? [{ name, path, found }] : []
  })
  for (const { path, found } of pieces) {
    if (!found.isDirectory()) throw refused(real, `"${path}" is not a folder`, 'Remove it, or name another folder')
    checkOwner(real, path, found)
  }
  // Nothing of others can come in any more; what came in before is looked for where they could write
  const all = (top.mode & WRITABLE) !== 0
  for (const { path, found } of pieces) if (all || (found.mode & WRITABLE) !== 0) checkContent(real, path)
  for (const { name, path, found } of pieces) {
    const shown = (SHOWN as readonly string[]).includes(name)
    if ((found.mode & (shown ? WRITABLE : GROUP_OR_OTHERS)) !== 0) chmodSync(path, shown ? 0o755 : 0o700)
  }
  if (opened)
    for (const name of ['ingest', 'records', 'leases', 'runs', 'tmp']) tighten(join(real, name), name !== 'tmp')
  return { root: real, opened }
}

/** A folder of something else must not be closed to those who use it, for a `--store` that was mistyped. */
function checkIsStore(root: string): void {
  const strange = readdirSync(root).find((name) => !OWN.has(name))
  if (strange === undefined) return
  throw refused(
    root,
    `other users may enter it, and it holds "${strange}", which does not belong to a store`,
    'Use a separate folder for the store, or close this one: chmod 700',
  )
}

function checkOwner(root: string, path: string, { uid }: Stats): void {
  const own = process.geteuid?.() ?? 0
  if (uid === own) return
  const what = path === root ? 'it' : `"${path}"`
  throw refused(
    root,
    `${what} belongs to another user (${uid}, this is ${own})`,
    `Name a folder of your own with --store or XBUILD_HOME, or give it back: sudo chown -R ${own} ${path}`,
  )
}

/** Who may write into a folder above may put another one in the store's place, while a build runs in it. */
function checkParents(root: string): void {
  const own = process.geteuid?.() ?? 0
  // Who became root by sudo may use folders of his own
  const sudo = own === 0 ? Number(process.env['SUDO_UID'] ?? 'nobody') : own
  const groups: readonly number[] = [0, process.getegid?.() ?? 0]
  for (let path = dirname(root), done = false; !done; path = dirname(path)) {
    const { uid, gid, mode } = lstatSync(path)
    if (uid !== own && uid !== 0 && uid !== sudo && !isHostRoot(uid)) {
      throw refused(root, `"${path}" belongs to another user (${uid}), who can replace it`, PARENT_HINT)
    }
    const others = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !groups.includes(gid))
    if (others && (mode & STICKY) === 0) {
      throw refused(
        root,
        `other users may write into "${path}", and can replace it`,
        `${PARENT_HINT}; or: chmod +t ${path}`,
      )
    }
    done = path === dirname(path)
  }
}

const PARENT_HINT = 'Name a folder below one that is yours or root’s alone, with --store or XBUILD_HOME'

/** In a user namespace the machine's root, like everybody who has no id in it, is seen as nobody. */
function isHostRoot(uid: number): boolean {
  try {
    const all = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'))
    return !all && uid === Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'))
  } catch {
    return false
  }
}

/** Throws STORE when a folder that others could write into holds what is theirs. */
function checkContent(root: string, folder: string): void {
  const own = process.geteuid?.() ?? 0
  const deep = ['records', 'blobs', 'packs'].some((name) => folder === join(root, name))
  for (const path of deep ? below(folder) : entries(folder).map(({ name }) => join(folder, name))) {
    const uid = lstatSync(path, { throwIfNoEntry: false })?.uid
    if (uid === undefined || uid === own) continue
    throw refused(
      root,
      `other users could write into "${folder}", and "${path}" is of one of them (${uid})`,
      'Look at what is there; then remove the store, or name another folder with --store or XBUILD_HOME',
    )
  }
}

function below(folder: string): string[] {
  return entries(folder).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? [path, ...below(path)] : [path]
  })
}

/** What an earlier version made with the modes that the umask left. */
function tighten(folder: string, deep: boolean): void {
  for (const entry of entries(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) chmodSync(path, 0o700)
    else if (entry.isFile()) chmodSync(path, 0o600)
    if (deep && entry.isDirectory()) tighten(path, deep)
  }
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function refused(root: string, state: string, hint: string): XbuildError {
  return new XbuildError('STORE', `Cannot use the store "${root}": ${state}`, { hint })
}
