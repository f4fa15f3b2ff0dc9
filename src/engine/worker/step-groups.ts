import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commonGroup } from '../cgroups.ts'
import type { StepCgroups } from '../step-cgroups.ts'

/** How often the common group is made anew, when others remove theirs at that time. */
const TRIES = 100

/** What a group weighs that nobody says anything of, with each version; and the most that the kernel takes. */
const WEIGHT = {
  1: { file: 'cpu.shares', usual: 1024, most: 262_144 },
  2: { file: 'cpu.weight', usual: 100, most: 10_000 },
}

/** The group that those of all steps are in, and what ends its use. */
export interface CommonGroup {
  readonly cgroup: StepCgroups
  close(): void
}

/**
 * Makes the group in which the steps of all builds of a user are, and gives them `most` processes together, and the
 * weight of a group for each of the `cpus`: as one, steps side by side would wait for whatever else the machine does. It
 * stays as long as one of these builds has an `owner` in it. Where processes cannot be counted, steps stay where they
 * were.
 */
export function openCommonGroup(
  cgroup: StepCgroups,
  {
    owner,
    most,
    cpus = availableParallelism(),
    root = '/sys/fs/cgroup',
  }: { readonly owner: string; readonly most: number; readonly cpus?: number; readonly root?: string },
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
    weigh(isUnified ? common : join(root, folderOf('cpu', root), name), WEIGHT[isUnified ? 2 : 1], cpus)
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

/** Where CPU time is not shared out by groups, there is nothing to say. */
function weigh(common: string, { file, usual, most }: (typeof WEIGHT)[1 | 2], cpus: number): void {
  try {
    writeFileSync(join(common, file), String(Math.min(most, usual * cpus)))
  } catch {
    // see above
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
