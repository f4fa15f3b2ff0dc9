import { closeSync, constants, fstatSync, mkdirSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { throughHandle } from '../../host/open-inside.ts'
import { runProgram } from '../../host/spawn.ts'
import { mountPoints, unmountBelow } from './unmount.ts'
import { type MountTable, mountTable, overPath, partsOf, refused, type SeenMount } from './mount-table.ts'

/** A mount of a step, as the runtime's configuration wants it. */
export interface StepMount extends SeenMount {
  readonly options: readonly string[]
}

/** The mounts of a step, each at its real place. */
export interface PlacedMounts {
  /** What is left for the runtime. */
  readonly mounts: readonly StepMount[]
  readonly table: MountTable
}

export interface PlaceEdges {
  /** Mounted before. */
  readonly files: readonly SeenMount[]
  /** Sources that other steps write to at the same time. */
  readonly caches: ReadonlySet<string>
  /** A folder of this step. */
  readonly scratch: string
}

/** Finds files and folders without opening them; Node has no name for the first flag. */
const FOUND = 0o10000000 | constants.O_NOFOLLOW

/** Runtimes write to them by path, and hide files of the kernel behind the second. */
const OF_RUNTIME = ['/dev', '/dev/null']

/**
 * Says where the mounts of a step go, and lets `use` run. A runtime finds a target by its path: where that leads
 * through a cache, another step may exchange a folder for a symbolic link meanwhile. Such mounts are made here, by
 * handle, and reach the container with the cache that they lie in.
 */
export async function withPlacedMounts<T>(
  root: string,
  mounts: readonly StepMount[],
  { files, caches, scratch }: PlaceEdges,
  use: (placed: PlacedMounts) => Promise<T>,
): Promise<T> {
  const table = mountTable(root, [...files, ...mounts])
  const placed = new Map<number, StepMount>()
  const holders = new Map<number, { readonly path: string; readonly at: string }>()
  const held: string[] = []

  async function hold(mount: StepMount): Promise<string> {
    const path = join(scratch, `held-${held.length}`)
    if (mount.type === 'tmpfs' || statSync(mount.source).isDirectory()) mkdirSync(path)
    else writeFileSync(path, '')
    const options = mount.options.filter((option) => option !== 'rbind')
    if (mount.type === 'tmpfs') await runProgram('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', path])
    else await runProgram('mount', ['--bind', mount.source, path])
    held.push(path)
    if (mount.type !== 'tmpfs' && options.length > 0)
      await runProgram('mount', ['-o', ['remount', 'bind', ...lockedOptions(path), ...options].join(), path])
    return path
  }

  /** The mount that the one of this place in the table is made in; nothing for those that the runtime can make. */
  async function holderOf(own: number) {
    const { at } = table[own]!
    const below = overPath(table.slice(0, own), at)
    if (!below) return undefined
    const over = table.indexOf(below)
    const known = holders.get(over)
    const outer = placed.get(over)
    if (known && (outer === undefined || at !== below.at)) return known
    if (!outer || at === below.at || !caches.has(outer.source)) return undefined
    const holder = { path: await hold(outer), at: below.at }
    placed.set(over, { ...outer, source: holder.path })
    holders.set(over, holder)
    return holder
  }

  try {
    for (const [index, mount] of mounts.entries()) {
      const own = files.length + index
      const { at } = table[own]!
      if (OF_RUNTIME.includes(at)) throw refused(mount.destination, `${at} is the container's own`)
      const holder = await holderOf(own)
      if (holder) {
        holders.set(own, holder)
        await mountInside(holder.path, at.slice(holder.at.length), { mount, held: await hold(mount) })
      } else placed.set(own, { ...mount, destination: at })
    }
    return await use({ mounts: [...placed.values()], table })
  } finally {
    for (const path of held.toReversed()) await unmountBelow(path)
  }
}

/** Mounts what is `held` at a path below a folder, whatever others do to that path meanwhile. */
async function mountInside(
  folder: string,
  path: string,
  { mount, held }: { readonly mount: StepMount; readonly held: string },
): Promise<void> {
  const isFolder = statSync(held).isDirectory()
  const names = partsOf(path).reverse()
  let handle = openSync(folder, FOUND)
  try {
    for (const [index, name] of names.entries()) {
      const next = openPart(throughHandle(handle), name, index < names.length - 1 || isFolder)
      if (next === 'read-only') throw refused(mount.destination, `"${name}" is not there, and the cache is read-only`)
      if (next === undefined) throw refused(mount.destination, `another step removed "${name}" meanwhile`)
      closeSync(handle)
      handle = next
      const found = fstatSync(handle)
      const fits = index < names.length - 1 || isFolder ? found.isDirectory() : !found.isDirectory()
      if (found.isSymbolicLink()) throw refused(mount.destination, `another step put a link at "${name}" meanwhile`)
      if (!fits) throw refused(mount.destination, `"${name}" is ${found.isDirectory() ? '' : 'not '}a folder`)
    }
    // Every other call of this program would resolve the path of the handle first
    await runProgram('mount', ['--no-canonicalize', '--rbind', held, throughHandle(3)], {
      handles: [handle],
      env: { ...process.env, LIBMOUNT_FORCE_MOUNT2: 'always' }, // the newer call does not follow the handle
    })
  } finally {
    closeSync(handle)
  }
}

/** As runtimes do, what is not there is made, for everybody to enter and read; nothing when it is removed again. */
function openPart(parent: string, name: string, isFolder: boolean): number | 'read-only' | undefined {
  const path = `${parent}/${name}`
  const found = openFound(path)
  if (found !== undefined) return found
  try {
    if (isFolder) mkdirSync(path, 0o755)
    else writeFileSync(path, '', { flag: 'wx', mode: 0o644 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EROFS') return 'read-only'
    if (code !== 'EEXIST') throw error
  }
  return openFound(path)
}

function openFound(path: string): number | undefined {
  try {
    return openSync(path, FOUND)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return undefined
  }
}

/** Nobody in a user namespace can take them away, and whoever mounts anew must name them. */
function lockedOptions(path: string): string[] {
  const { options = [] } = mountPoints().findLast((one) => one.path === realpathSync(path)) ?? {}
  return options.filter((one) => ['ro', 'nosuid', 'nodev', 'noexec'].includes(one))
}
