import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
const COMMON = /^xbuild\.\d+$/

/** Name of the group that those of all steps are in which may have so many processes: builds agree on what it limits. */
export function commonGroup(most: number): string {
  return `xbuild.${most}`
}
/** The process mark, or the process id alone that older versions wrote. */
const NAME = /^xbuild-(\d+-\d+-[0-9a-f]*\.\d*|\d+)-/

/**
 * Removes the control groups of containers whose build was killed: the kernel ends processes with their namespace,
 * not these.
 */
export function removeStaleCgroups(dead: ReadonlySet<string>, parent?: string): void {
  if (dead.size === 0) return // looking through the groups of every controller costs milliseconds
  for (const { path, owner } of containerCgroups(parent)) {
    if (!dead.has(owner)) continue
    try {
      rmdirSync(path)
    } catch {
      // not ours to remove, or in use after all
    }
  }
}

/** The processes whose containers have control groups now; `parent`: where this user's are. */
export function cgroupOwners(parent: string | undefined): string[] {
  return containerCgroups(parent).map(({ owner }) => owner)
}

/**
 * Version 2 has them in the root, or where they are delegated, version 1 in each controller's folder; older versions of
 * xbuild made them right there.
 */
function containerCgroups(parent = '/'): { path: string; owner: string }[] {
  const tops = new Set([ROOT, join(ROOT, parent, '.'), ...namesIn(ROOT).map((name) => join(ROOT, name))])
  const commonIn = (folder: string) => namesIn(folder).filter((name) => COMMON.test(name))
  const all = [...tops].flatMap((folder) => [folder, ...commonIn(folder).map((name) => join(folder, name))])
  return all.flatMap((folder) =>
    namesIn(folder).flatMap((name) => {
      const owner = NAME.exec(name)
      return owner ? [{ path: join(folder, name), owner: owner[1]! }] : []
    }),
  )
}

/** Which controllers of which version there are: a runtime that works with some need not work with others. */
export function cgroupHierarchy(): readonly string[] {
  const controllers = read(join(ROOT, 'cgroup.controllers'))
  if (controllers !== undefined) return ['2', ...controllers.trim().split(' ')]
  return namesIn(ROOT).filter((name) => existsSync(join(ROOT, name, 'cgroup.procs')))
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}
