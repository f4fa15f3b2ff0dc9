import { cleanPath, resolvePath } from '../paths.ts'
import { machineQuestion } from './programs.ts'
import type { Unit } from './unit.ts'

/** Files of base images that are the same for all platforms. */
const DATA =
  /^\/(etc\/(ssl(\/|$)|ca-certificates|passwd$|group$|nsswitch\.conf$|mime\.types$|timezone$|services$|protocols$)|usr\/(local\/)?share\/(zoneinfo|ca-certificates|misc\/magic)|usr\/local\/go\/lib\/time\/)/
const SYSTEM = /^\/(bin|sbin|lib|lib32|lib64|usr|etc|var\/lib|go|opt\/java)(\/|$)/
/** Images that have nothing of their own in /usr/local. */
const BARE = /(^|\/)(debian|ubuntu|alpine|busybox|fedora|buildpack-deps|archlinux|rockylinux|almalinux)(:|@|$)/

/** Why a stage could not run on another platform whatever it makes; `undefined` when nothing speaks against it. */
export function unsound(unit: Unit): string | undefined {
  return shellProblem(unit) ?? takenProblem(unit) ?? questionProblem(unit)
}

function shellProblem({ stages, runs }: Unit): string | undefined {
  for (const { instructions } of stages) {
    for (const one of instructions) {
      if (one.kind === 'onbuild') return `line ${one.at.line} is for images that are built from it (ONBUILD)`
      if (one.kind === 'shell' && !/(^|\/)(ba|da|a|z|k)?sh$/.test(one.argv[0] ?? ''))
        return `line ${one.at.line} sets another shell`
    }
  }
  const unclear = runs.find(({ problem }) => problem !== undefined)
  return unclear && `the RUN at line ${unclear.instruction.at.line} cannot be changed: ${unclear.problem}`
}

/**
 * What is copied out of the stage must be what the stage made: its own programs and libraries are those of the build
 * platform then.
 */
function takenProblem(unit: Unit): string | undefined {
  for (const { path, line } of unit.taken) {
    const full = cleanPath(`/${path}`)
    if (full === '/') return `all of its files are copied (line ${line}), its own programs too`
    if (DATA.test(full) || !SYSTEM.test(full) || isMade(unit, full)) continue
    if (/^\/usr\/local(\/|$)/.test(full) && BARE.test(unit.root.from.image)) continue
    return `"${path}" is copied out of it (line ${line}), and it may be a file of the base image or of a package`
  }
  return undefined
}

/** Whether a command or a COPY of the stage names the path. */
function isMade({ commands, stages }: Unit, path: string): boolean {
  if (
    /^\/usr\/local\/cargo\/bin\/(?!(cargo|rust|clippy)[^/]*$)[^/*?]+$/.test(path) &&
    commands.some(({ name, words }) => name === 'cargo' && words.some((word) => word.startsWith('--path')))
  )
    return true
  const names = (text: string): boolean => text === path || text.startsWith(`${path}/`) || text.endsWith(`=${path}`)
  if (
    commands.some(
      ({ name, words: [, ...args], command }) =>
        name !== 'ls' && args.concat(command.words.map(({ text }) => text)).some(names),
    )
  )
    return true
  return stages.some(({ instructions }) => {
    let workdir = '/'
    return instructions.some((one) => {
      if (one.kind === 'workdir') workdir = resolvePath(workdir, one.path)
      if (one.kind !== 'copy' && one.kind !== 'add') return false
      const dest = resolvePath(workdir, one.dest)
      return one.from === undefined && (names(dest) || (dest !== '/' && path.startsWith(`${dest}/`)))
    })
  })
}

function questionProblem(unit: Unit): string | undefined {
  const asks = machineQuestion(unit)
  return (
    asks &&
    `${asks.words.slice(0, 3).join(' ')} (line ${asks.line}) asks the machine for its architecture: use $TARGETARCH there`
  )
}
