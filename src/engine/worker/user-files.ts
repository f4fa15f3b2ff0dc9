import { readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { MAX_USER_FILE } from './users.ts'

const MAX_LINKS = 255
/** Runtimes put them there themselves; all that a step finds in them ends, but for terminals. */
const OWN = ['/proc', '/sys']

/** Where in a container something of the machine appears. */
interface SeenMount {
  readonly destination: string
  readonly type: string
  readonly source: string
}

/**
 * Runtimes look up users in these files, from inside of the container, and would wait for a pipe or a device for ever.
 * Throws BAD_IMAGE unless both are files of a usual size, or not there; mounts count.
 */
export function checkUserFiles(root: string, mounts: readonly SeenMount[]): void {
  const table = mounts.map(({ destination, type, source }) => ({
    at: resolveInRoot(root, destination).slice(root.length) || '/',
    source: type === 'bind' ? source : undefined,
  }))
  for (const path of ['/etc/passwd', '/etc/group']) {
    const found = see(root, table, path)
    if (!found || found === 'null') continue
    if (found === 'strange' || !(found.isFile() || found.isDirectory()))
      throw refused(path, 'it is neither a file nor a folder')
    if (found.isFile() && found.size > MAX_USER_FILE) throw refused(path, `it has ${found.size} bytes`)
  }
}

type MountTable = readonly { readonly at: string; readonly source: string | undefined }[]

/** What a process in the container finds at a path; `strange` for what only the container itself could tell. */
function see(root: string, mounts: MountTable, path: string): Stats | 'null' | 'strange' | undefined {
  const rest = partsOf(path)
  let real: string[] = []
  for (let links = 0; ; ) {
    const name = rest.pop()
    const at = `/${real.join('/')}`
    if (name === undefined) return lstatIfPresent(hostPath(root, mounts, at) ?? '')
    if (name === '..') {
      real.pop()
      continue
    }
    const full = at === '/' ? `/${name}` : `${at}/${name}`
    if (full === '/dev') return [...rest].join() === 'null' ? 'null' : 'strange'
    if (OWN.includes(full)) return 'strange'
    const host = hostPath(root, mounts, full)
    const found = host === undefined ? undefined : lstatIfPresent(host)
    if (!found) return undefined
    if (!found.isSymbolicLink()) {
      real.push(name)
      continue
    }
    if ((links += 1) > MAX_LINKS) return undefined
    const target = readlinkSync(host!)
    if (target.startsWith('/')) real = []
    rest.push(...partsOf(target))
  }
}

/** A path without links in it; nothing below a mount of which the machine has no folder. */
function hostPath(root: string, mounts: MountTable, path: string): string | undefined {
  const over = mounts.findLast(({ at }) => path === at || path.startsWith(at === '/' ? '/' : `${at}/`))
  if (!over) return join(root, path)
  return over.source === undefined ? undefined : join(over.source, path.slice(over.at.length))
}

/** The last part first. */
function partsOf(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .reverse()
}

function refused(path: string, state: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot use the image's ${path}: ${state}`, {
    hint: 'Runtimes look up users in it: put a file there in an earlier step, or remove it',
  })
}
