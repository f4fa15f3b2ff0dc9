import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commonGroup } from '../cgroups.ts'
import type { StepCgroups } from '../step-cgroups.ts'

/** How often the common group is made anew, when others remove theirs at that time. */
const TRIES = 100

/** The group that those of all steps are in, and what ends its use. */
export interface CommonGroup {
  readonly cgroup: StepCgroups
  close(): void
}

/**
 * Makes the group in which the steps of all builds of a user are, and gives them `most` processes together. It stays as
 * long as one of these builds has an `owner` in it. Where processes cannot be counted, steps stay where they were.
 */
export function openCommonGroup(
  cgroup: StepCgroups,
  { owner, most, root = '/sys/fs/cgroup' }: { readonly owner: string; readonly most: number; readonly root?: string },
): CommonGroup {
  const unchanged = { cgroup, close: () => undefined }
  if (!cgroup.controllers.includes('pids')) return unchanged
  const isUnified = existsSync(join(root, 'cgroup.controllers'))
  const top = isUnified ? join(root, cgroup.parent) : join(root, folderOf('pids', root))
  const name = commonGroup(most)
  const common = join(top, name)
  const own = `xbuild-${owner}-all-${randomBytes(4).toString('hex')}`
  const others = isUnified ? [] : foldersIn(root).map((folder) => join(root, folder, name))
  if (isUnified) enable(top, cgroup.controllers)
  try {
    makeBoth(common, own)
    // Runtimes make it for every controller: a build that ends must not take it away from under them
    for (const other of others) tryMake(other, own)
    if (isUnified) enable(common, cgroup.controllers)
    writeFileSync(join(common, 'pids.max'), String(most))
  } catch {
    close()
    return unchanged
  }
  return { cgroup: { ...cgroup, parent: join(cgroup.parent, name) }, close }

  /** Runtimes remove the groups of their containers only. */
  function close(): void {
    for (const one of new Set([common, ...others])) {
      remove(join(one, own))
      remove(one)
    }
  }
}

/** With a group in it, nobody can remove the common one. */
function makeBoth(common: string, name: string): void {
  const own = join(common, name)
  for (let left = TRIES; ; left -= 1) {
    mkdirSync(common, { recursive: true })
    try {
      mkdirSync(own)
      return
    } catch (error) {
      if (left === 0) throw error
    }
  }
}

/** Not every hierarchy lets groups be made in it; runtimes say what they lack. */
function tryMake(common: string, own: string): void {
  if (existsSync(join(common, own))) return
  try {
    makeBoth(common, own)
  } catch {
    // see above
  }
}

/** Groups below `folder` are to have what can be had. */
function enable(folder: string, controllers: readonly string[]): void {
  for (const name of controllers) {
    try {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${name}`)
    } catch {
      // the runtime will say what it lacks
    }
  }
}

/** Version 1 has several controllers in one folder. */
function folderOf(controller: string, root: string): string {
  return foldersIn(root).find((name) => name.split(',').includes(controller)) ?? controller
}

function foldersIn(root: string): string[] {
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
}

function remove(group: string): void {
  try {
    rmdirSync(group)
  } catch {
    // others use it, or it is not there
  }
}
