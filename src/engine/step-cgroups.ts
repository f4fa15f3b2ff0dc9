import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where control groups of steps are made, and what they can limit. */
export interface StepCgroups {
  /** Path below the root of control groups. */
  readonly parent: string
  /** As the kernel calls them: memory, pids, cpu, cpuset and others. */
  readonly controllers: readonly string[]
}

export interface CgroupPlace {
  /** Folder in which control groups are mounted. */
  readonly root: string
  /** What /proc/self/cgroup says. */
  readonly own: string
}

/** This machine's. */
function cgroupPlace(): CgroupPlace {
  const own = '/proc/self/cgroup'
  return { root: '/sys/fs/cgroup', own: existsSync(own) ? readFileSync(own, 'utf8') : '' }
}

/**
 * The place for control groups of steps, when this user may make some: root below the root, with version 1 or 2; others
 * beside their own group, where systemd has delegated the one above to them.
 */
export function findStepCgroups(uid: number, { root, own }: CgroupPlace = cgroupPlace()): StepCgroups | undefined {
  const isUnified = existsSync(join(root, 'cgroup.controllers'))
  if (uid === 0 && !isUnified) {
    const hierarchies = foldersIn(root).filter((name) => existsSync(join(root, name, 'cgroup.procs')))
    if (hierarchies.length === 0 || !hierarchies.every((name) => canWrite(join(root, name)))) return undefined
    return { parent: '/', controllers: hierarchies.flatMap((name) => name.split(',')) }
  }
  if (!isUnified) return undefined
  const group = /^0::(\/.*)$/m.exec(own)?.[1]
  if (uid !== 0 && group === undefined) return undefined
  // A group with processes has no children with controllers: the new one is a sibling
  const parent = uid === 0 ? '/' : dirname(group!)
  const folder = join(root, parent)
  if (!['.', 'cgroup.procs', 'cgroup.subtree_control'].every((name) => canWrite(join(folder, name)))) return undefined
  if (uid !== 0 && statSync(folder).uid !== uid) return undefined
  return { parent, controllers: controllersFor(folder) }
}

/** Those that children have, or can be given: only the root of all may have processes beside such children. */
function controllersFor(folder: string): string[] {
  const isFree = !existsSync(join(folder, 'cgroup.type')) || words(join(folder, 'cgroup.procs')).length === 0
  return [
    ...new Set([
      ...words(join(folder, 'cgroup.subtree_control')),
      ...(isFree ? words(join(folder, 'cgroup.controllers')) : []),
    ]),
  ]
}

function words(file: string): string[] {
  return readFileSync(file, 'utf8').split(/\s+/).filter(Boolean)
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function foldersIn(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : []
}
