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
  const own = join(common, `xbuild-${owner}-all-${randomBytes(4).toString('hex')}`)
  if (isUnified) enable(top, cgroup.controllers)
  try {
    makeBoth(common, own)
    if (isUnified) enable(common, cgroup.controllers)
    writeFileSync(join(common, 'pids.max'), String(most))
  } catch {
    close()
    return unchanged
  }
  return { cgroup: { ...cgroup, parent: join(cgroup.parent, name) }, close }

  /** Runtimes make it for every controller, and remove the groups of their containers only. */
  function close(): void {
    remove(own)
    const tops = isUnified ? [top] : foldersIn(root).map((folder) => join(root, folder))
    for (const one of tops) remove(join(one, name))
  }
}

/** With a group in it, nobody can remove the common one. */
function makeBoth(common: string, own: string): void {
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
