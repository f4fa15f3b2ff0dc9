import type { Platform } from '../../platform.ts'
import { COMPILE, type Detector, type Proposal } from './detector.ts'
import { choose, namesOf } from './names.ts'
import { isVariable, type Unit, type UnitCommand } from './unit.ts'

/** Zig compiles Zig, C and C++ for every target by itself. */
export const zig: Detector = {
  kind: 'zig',
  builds: isBuild,
  knows: ({ name, words }) =>
    name === 'zig' && ['fetch', 'version', 'env', 'fmt', 'init', 'ar', 'ranlib'].includes(words[1] ?? ''),
  propose,
}

function isBuild({ name, words }: UnitCommand): boolean {
  return name === 'zig' && ['build', 'build-exe', 'build-lib', 'build-obj', 'cc', 'c++'].includes(words[1] ?? '')
}

function propose(unit: Unit, { platforms }: { readonly platforms: readonly Platform[] }): Proposal | string {
  const names = namesOf(platforms)
  if (typeof names === 'string') return `xbuild does not know the Zig target of ${names}`
  const builds = unit.commands.filter(isBuild)
  const runs = builds.find(
    ({ words }) => words[1] === 'build' && words.some((word) => word === 'test' || word === 'run'),
  )
  if (runs) return `zig build (line ${runs.line}) runs what was built, which is for the target`
  const targets = builds.map((build) => ({
    build,
    target: build.words.find((word, index) => /^-Dtarget=/.test(word) || build.words[index - 1] === '-target'),
  }))
  const fixed = targets.find(({ target }) => target !== undefined && !isVariable(target))
  if (fixed) return `zig (line ${fixed.build.line}) has the constant target "${fixed.target}": choose it by $TARGETARCH`
  const libc = unit.commands.some(({ name }) => name === 'apk') || /alpine/.test(unit.root.from.image) ? 'musl' : 'gnu'
  const target = choose(
    names.map(({ platform, names: { zig } }) => ({
      platform,
      name: `${zig}-${libc}${platform.architecture === 'arm' ? 'eabihf' : ''}`,
    })),
  )
  const open = targets.filter((one) => one.target === undefined).map(({ build }) => build)
  return {
    summary: 'zig runs on the build platform and gets the target',
    win: COMPILE,
    left: builds.some(({ words }) => words[1] === 'build') ? ['build.zig takes -Dtarget (standardTargetOptions)'] : [],
    needed: open.length > 0,
    apply(draft) {
      for (const { run, command, first, words } of open) {
        draft.change(
          run.script.place(command.words[first + 1]!.end),
          words[1] === 'build' ? ` -Dtarget=${target.text}` : ` -target ${target.text}`,
        )
        draft.need(run.stage, run.instruction, ...target.args)
      }
    },
  }
}
