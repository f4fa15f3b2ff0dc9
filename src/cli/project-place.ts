import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Judge } from '../config/project.ts'

/** Folders of version control: what is in them makes programs run when the user next works there. */
const CONTROL = ['.git', '.hg', '.svn', '.jj', '.bzr']
const MAX_LINKS = 40
const MAX_PROGRAM = 1 << 30

/** Tells what a path, or a program, of a file in `folder` comes to on this machine. */
export function createJudge(folder: string): Judge {
  const root = realpathSync(folder)
  const written: string[] = []
  return (claim) => {
    if (claim.kind === 'run') return programOf(claim.program, folder)
    const path = realPath(resolve(folder, claim.path))
    if (path === undefined) return 'its symbolic links cannot be resolved'
    if (!isIn(path, root)) return `it resolves to "${path}", outside of the project's folder`
    if (claim.kind === 'read') return undefined
    // What one output makes may be a link by the time that the next one is written
    const nested = written.some((other) => isIn(path, other) || isIn(other, path))
    written.push(path)
    return writes(path, root, claim.folder === true) ?? (nested ? 'it writes into another output' : undefined)
  }
}

function writes(path: string, root: string, folder: boolean): string | undefined {
  const parts = path.slice(root.length).toLowerCase().split('/')
  if (CONTROL.some((name) => parts.includes(name)))
    return 'it writes into a folder of version control, which can hold programs'
  if (!folder) return undefined
  if (path === root) return "it writes into the project's folder itself"
  if (CONTROL.some((name) => kindOf(join(path, name)) !== 'absent'))
    return 'it writes into a folder of version control, which can hold programs'
  const link = linkOut(path, root) ?? linkOut(join(path, 'blobs'), root)
  return link === undefined ? undefined : `"${link}" is a symbolic link to a path outside of the project's folder`
}

/** A symbolic link directly in a folder that leads out of the project. */
function linkOut(folder: string, root: string): string | undefined {
  if (kindOf(folder) !== 'folder') return undefined
  const links = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink())
  return links
    .map(({ name }) => join(folder, name))
    .find((path) => {
      const real = realPath(path)
      return real === undefined || !isIn(real, root)
    })
}

/**
 * Where a path leads, or would: every symbolic link on the way is followed, also one to something that is not there
 * yet; nothing when they go round.
 */
function realPath(path: string): string | undefined {
  const rest: string[] = []
  let at = path
  for (let links = 0; links < MAX_LINKS; ) {
    const kind = kindOf(at)
    if (kind === 'link' && isDangling(at)) {
      at = resolve(realpathSync(dirname(at)), readlinkSync(at))
      links += 1
    } else if (kind === 'absent') {
      rest.unshift(basename(at))
      at = dirname(at)
    } else {
      return join(realpathSync(at), ...rest)
    }
  }
  return undefined
}

function kindOf(path: string): 'absent' | 'link' | 'folder' | 'other' {
  try {
    const found = lstatSync(path)
    return found.isSymbolicLink() ? 'link' : found.isDirectory() ? 'folder' : 'other'
  } catch {
    return 'absent'
  }
}

function isDangling(link: string): boolean {
  try {
    statSync(link)
    return false
  } catch {
    return true
  }
}

function isIn(path: string, root: string): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`)
}

/** A program of the machine by its name, or one file, which may change: its digest is part of what is accepted. */
function programOf(name: string, folder: string): string {
  if (!name.includes('/')) return 'it names the program that runs the steps'
  const path = resolve(folder, name)
  try {
    const found = statSync(path)
    if (!found.isFile() || found.size > MAX_PROGRAM) return `it runs "${path}" on this machine, which is not a program`
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
    return `it runs "${path}" on this machine, sha256 ${digest}`
  } catch {
    return `it runs "${path}" on this machine, which does not exist yet`
  }
}

/** Tells whether a path leads into one of the granted ones, which `*` makes any. */
export function createReach(granted: readonly string[], cwd: string): (path: string) => boolean {
  const roots = granted.flatMap((one) => (one === '*' ? [] : (realPath(resolve(cwd, one)) ?? [])))
  return (path) => {
    if (granted.includes('*')) return true
    const real = realPath(path)
    return real !== undefined && roots.some((root) => isIn(real, root))
  }
}
