import type { Stats } from 'node:fs'
import { XbuildError } from '../../errors.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { hostPath, linkAt, MAX_LINKS, partsOf, type MountTable } from './mount-table.ts'
import { MAX_USER_FILE } from './users.ts'

/** Runtimes put them there themselves; all that a step finds in them ends, but for terminals. */
const OWN = ['/proc', '/sys']

/**
 * Runtimes look up users in these files, from inside of the container, and would wait for a pipe or a device for ever.
 * Throws BAD_IMAGE unless both are files of a usual size, or not there; mounts count.
 */
export function checkUserFiles(root: string, table: MountTable): void {
  for (const path of ['/etc/passwd', '/etc/group']) {
    const found = see(root, table, path)
    if (!found || found === 'null') continue
    if (found === 'strange' || !(found.isFile() || found.isDirectory()))
      throw refused(path, 'it is neither a file nor a folder')
    if (found.isFile() && found.size > MAX_USER_FILE) throw refused(path, `it has ${found.size} bytes`)
  }
}

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
    const target = linkAt(host!)
    if (target === undefined) return undefined
    if (target.startsWith('/')) real = []
    rest.push(...partsOf(target))
  }
}

function refused(path: string, state: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot use the image's ${path}: ${state}`, {
    hint: 'Runtimes look up users in it: put a file there in an earlier step, or remove it',
  })
}
