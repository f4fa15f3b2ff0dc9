import type { Platform } from '../../platform.ts'
import { cProblem } from './c.ts'
import { crossPackages } from './cross-packages.ts'
import { COMPILE, type Detector, type Proposal } from './detector.ts'
import type { Unit, UnitCommand } from './unit.ts'

/** CMake is told the target's system and compilers. */
export const cmake: Detector = {
  kind: 'cmake',
  builds: isConfiguration,
  knows: ({ name }) => ['cmake', 'make', 'gmake', 'ninja', 'pkg-config', 'pkgconf', 'bison', 'flex'].includes(name),
  propose,
}

function isConfiguration({ name, words }: UnitCommand): boolean {
  return (
    name === 'cmake' &&
    !words.some((word) => ['--build', '--install', '-E', '-P', '--version', '--workflow', '--help'].includes(word))
  )
}

function propose(unit: Unit, { platforms }: { readonly platforms: readonly Platform[] }): Proposal | string {
  const problem = cProblem(unit)
  if (problem !== undefined) return problem
  const configurations = unit.commands.filter(isConfiguration)
  const setting = configurations.find(({ words }) =>
    words.some((word) =>
      /^(-DCMAKE_(TOOLCHAIN_FILE|C_COMPILER|CXX_COMPILER|SYSTEM_NAME)|--toolchain|--preset)/.test(word),
    ),
  )
  if (setting) return `cmake (line ${setting.line}) already has its compiler`
  const packages = crossPackages(unit, platforms)
  if (typeof packages === 'string') return packages
  return {
    summary: "CMake gets the target's system, and Debian's cross compiler for it",
    win: COMPILE,
    left: [`the project (line ${configurations[0]!.line}) runs nothing that it has built, and does not need try_run`],
    needed: true,
    apply(draft) {
      packages.install(draft)
      for (const run of new Set(configurations.map((command) => command.run))) packages.name(draft, run)
      for (const { run, command, first } of configurations)
        draft.change(run.script.place(command.words[first]!.end), FLAGS)
    },
  }
}

const FLAGS =
  ' -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=${cross%%-*} -DCMAKE_C_COMPILER=$cross-gcc -DCMAKE_CXX_COMPILER=$cross-g++'
