import type { Platform } from '../../platform.ts'
import type { Draft } from './draft.ts'
import { choose, namesOf } from './names.ts'
import { installed, type ScriptRun, type Unit, type UnitCommand } from './unit.ts'

/** Debian's packages of cross compilers and of libraries for the target, in a stage. */
export interface CrossPackages {
  /** Whether libraries for the target are installed beside the compilers. */
  readonly libraries: boolean
  /** Adds them; `more` are lines that belong below the top of the first stage. */
  install(draft: Draft, ...more: string[]): void
  /** Sets `$cross` to the GNU name of the target at the start of a RUN: what cross tools' names begin with. */
  name(draft: Draft, run: ScriptRun): void
}

const DEBIAN = /(^|\/)(debian|ubuntu|gcc|buildpack-deps|rust|golang|python|node|ruby|perl|php)(:|@|$)/
const COMPILER = /^(build-essential|g\+\+|gcc)(-\d+)?$/
const BUILD_TOOL = /^(make|cmake|ninja-build|libc6-dev|autoconf|automake|pkg-config|pkgconf|clang)$/
/** Headers that come with compilers, or serve tools of the build itself. */
const OWN_HEADERS = /^(libc6-dev|libc-dev|linux-libc-dev|libstdc\+\+-\d+-dev|dpkg-dev)$/

/** How a stage gets cross compilers, or why it does not. */
export function crossPackages(unit: Unit, platforms: readonly Platform[]): CrossPackages | string {
  const names = namesOf(platforms)
  if (typeof names === 'string') return `Debian has no cross compiler for ${names}`
  const alpine = unit.commands.find(({ name }) => name === 'apk')
  const { image } = unit.root.from
  if (alpine || /alpine/.test(image))
    return 'Alpine has no packages of cross compilers: start it from a Debian image, or compile with zig cc'
  const apt = unit.commands.some(({ name }) => name === 'apt-get' || name === 'apt')
  if (!apt && !DEBIAN.test(image))
    return `nothing tells whether "${image}" is Debian, which has packages of cross compilers`
  const libraries = unit.commands.flatMap((command) => librariesOf(command))
  const other = libraries.find(({ name }) => !/^(lib|zlib1g-|default-lib)/.test(name))
  if (other)
    return `the package ${other.name} (line ${other.line}) is needed for the target, and contains programs that do not run on the build platform`
  if (libraries.length > 0 && /(^|\/)(ubuntu|eclipse-temurin)(:|@|$)/.test(image))
    return `${libraries[0]!.name} (line ${libraries[0]!.line}) is needed for the target, and Ubuntu keeps packages of other architectures on another server`
  const apart = libraries.find(({ command }) => !updateOf(command))
  if (apart) return `${apart.name} (line ${apart.line}) is needed for the target: its RUN must call apt-get update`
  const arch = choose(names.map(({ platform, names: { debian } }) => ({ platform, name: debian })))
  const gnu = choose(names.map(({ platform, names: { gnu: name } }) => ({ platform, name })))
  const cross = `crossbuild-essential-${arch.text}`

  function install(draft: Draft, ...more: string[]): void {
    const compiler = wordWith(unit, COMPILER) ?? wordWith(unit, BUILD_TOOL)
    const lines = compiler
      ? more
      : [`RUN apt-get update && apt-get install -y --no-install-recommends ${cross}`, ...more]
    if (lines.length > 0) draft.top(unit.root, compiler ? [] : arch.args, ...lines)
    if (compiler) {
      const { run } = compiler.command
      draft.change(run.script.place(compiler.end), ` ${cross}`)
      draft.need(run.stage, run.instruction, ...arch.args)
    }
    for (const { command, end } of libraries) {
      const { run } = command
      const update = updateOf(command)!
      draft.change(run.script.place(update.command.words[0]!.start), `dpkg --add-architecture ${arch.text} && `)
      draft.change(run.script.place(end), `:${arch.text}`)
      draft.need(run.stage, run.instruction, ...arch.args)
    }
  }

  function name(draft: Draft, run: ScriptRun): void {
    const set = [
      `cross=${gnu.text}`,
      ...(libraries.length > 0 ? ['export PKG_CONFIG_LIBDIR=/usr/lib/$cross/pkgconfig:/usr/share/pkgconfig'] : []),
    ]
    prepend(draft, run, set)
    draft.need(run.stage, run.instruction, ...gnu.args)
  }

  return { libraries: libraries.length > 0, install, name }
}

/** Puts commands in front of all others of a RUN. */
export function prepend(draft: Draft, { script }: ScriptRun, commands: readonly string[]): void {
  if (script.body !== undefined) draft.before(script.body, ...commands)
  else draft.change(script.place(0), `${commands.join(' && ')} && `)
}

/** Whether a RUN uses a shell variable of that name itself. */
export function usesVariable({ script: { text } }: ScriptRun, name: string): boolean {
  return new RegExp(`\\b${name}=|\\$\\{?${name}\\b`).test(text)
}

interface Library {
  readonly name: string
  readonly command: UnitCommand
  readonly line: number
  /** Where its name ends in the script. */
  readonly end: number
}

function librariesOf(command: UnitCommand): Library[] {
  const packages = installed(command)
  return command.command.words.flatMap(({ text, start }) => {
    const name = text.replace(/=.*/s, '')
    if (!packages.includes(text) || !name.endsWith('-dev') || OWN_HEADERS.test(name)) return []
    return [{ name, command, line: command.run.script.place(start).line, end: start + name.length }]
  })
}

function updateOf(command: UnitCommand): UnitCommand | undefined {
  return command.run.commands.find((one) => one.command.start < command.command.start && one.words[1] === 'update')
}

function wordWith(unit: Unit, pattern: RegExp): { command: UnitCommand; end: number } | undefined {
  for (const command of unit.commands) {
    const packages = installed(command)
    const word = command.command.words.find(({ text }) => packages.includes(text) && pattern.test(text))
    if (word) return { command, end: word.end }
  }
  return undefined
}
