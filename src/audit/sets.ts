import type { Platform } from '../platform.ts'
import { cpuInName, cpuOfTriplet, withoutSystem } from './cpu-names.ts'
import { SHARED_OBJECT } from './data-files.ts'
import type { ImageTree, PlacedProgram } from './image-tree.ts'
import type { Runs } from './runs-on.ts'
import type { Program } from './types.ts'

/** Programs and libraries that lie beside such for other CPUs, of which each image takes its own. */
export interface Sets {
  /**
   * Whether a program that is not for the platform belongs to a set, or to a toolchain for other CPUs. `isStarted`:
   * something leads to it other than PATH; `isReached`: something leads to it.
   */
  holds(file: PlacedProgram, how: { readonly isReached: boolean; readonly isStarted: boolean }): boolean
}

/** Folders of the third ABI of x86-64, which gcc-multilib brings. */
const X32 = /^(?:lib)?x32$/
/** Programs that run those of another CPU, and which. */
const EMULATORS: readonly (readonly [name: RegExp, architectures: (cpu: string) => readonly string[]])[] = [
  [/(?:^|\/)qemu-([a-z0-9_]+)(?:-static)?$/, (cpu) => [cpuInName(cpu)?.architecture ?? cpu]],
  [/(?:^|\/)(box(?:32|64|86))$/, () => ['amd64', '386']],
  [/(?:^|\/)(FEX(?:Interpreter|Loader)?)$/, () => ['amd64', '386']],
]

/** Looks at an image only when something looks wrong: in most nothing does. */
export function createSets(tree: ImageTree, platform: Platform, runs: (program: Program) => Runs): Sets {
  let kept: ReturnType<typeof findGood> | undefined
  const good = () => (kept ??= findGood(tree, runs))

  return {
    holds(file, { isReached, isStarted }) {
      const { path, program, executable } = file
      if (!program) return false
      const isLibrary = program.kind === 'library' || SHARED_OBJECT.test(path)
      if ((isLibrary || !isReached) && isOfToolchain(file, platform)) return true
      if (!isStarted && good().names.has(openName(path) ?? '')) return true
      if (isReached && executable && program.kind === 'program') return false
      if (openFolders(path).some(({ rest }) => good().rests.has(rest))) return true
      if (isReached) return false
      const isInItsFolder = openFolders(path).some(
        ({ folder, architecture }) => architecture === program.architecture && good().folders.has(folder),
      )
      return isInItsFolder || good().emulated.has(program.architecture)
    },
  }
}

/** What the programs that are right say of those beside them. */
function findGood(tree: ImageTree, runs: (program: Program) => Runs) {
  const good = [...tree.programs.values()].filter(({ program }) => program && runs(program) === 'yes')
  const open = good.flatMap(({ path }) => openFolders(path))
  return {
    /** Paths with the CPU in the name of the file left open: `bin/gosu-*`. */
    names: new Set(good.flatMap(({ path }) => openName(path) ?? [])),
    /** Paths with one folder left open: `prebuilds/∗/x.node`. */
    rests: new Set(open.map(({ rest }) => rest)),
    /** Folders with their CPU and system left open: `@img/sharp-*`. */
    folders: new Set(open.map(({ folder }) => folder)),
    /** CPUs that programs of the image emulate. */
    emulated: new Set(good.filter(({ executable }) => executable).flatMap(({ path }) => emulatedBy(path))),
  }
}

/** Whether a folder above a file is that of a toolchain for another CPU. */
function isOfToolchain({ path, program }: PlacedProgram, { architecture }: Platform): boolean {
  return path
    .split('/')
    .slice(0, -1)
    .some((folder) => {
      if (X32.test(folder)) return program?.architecture === 'x32'
      const cpu = cpuOfTriplet(folder)
      return cpu !== undefined && cpu !== architecture
    })
}

function emulatedBy(path: string): readonly string[] {
  for (const [name, architectures] of EMULATORS) {
    const cpu = name.exec(path)?.[1]
    if (cpu !== undefined) return architectures(cpu)
  }
  return []
}

function openName(path: string): string | undefined {
  const at = path.lastIndexOf('/') + 1
  const found = cpuInName(path.slice(at))
  return found && `${path.slice(0, at)}${found.open}`
}

/** The folders of a path that are named after a CPU, each left open. */
function openFolders(path: string) {
  const parts = path.split('/')
  return parts.slice(0, -1).flatMap((part, index) => {
    const found = cpuInName(part)
    if (!found) return []
    return [
      {
        architecture: found.architecture,
        folder: [...parts.slice(0, index), withoutSystem(found.open)].join('/'),
        rest: parts.with(index, '*').join('/'),
      },
    ]
  })
}
