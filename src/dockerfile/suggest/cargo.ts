import type { Platform } from '../../platform.ts'
import { crossPackages, prepend, usesVariable } from './cross-packages.ts'
import { COMPILE, type Detector, type Proposal } from './detector.ts'
import type { Draft } from './draft.ts'
import { choose, namesOf } from './names.ts'
import type { ScriptRun, Unit, UnitCommand } from './unit.ts'

const HOST_VERBS: ReadonlySet<string> = new Set([
  'fetch',
  'install',
  'init',
  'new',
  'test',
  'check',
  'clippy',
  'fmt',
  'update',
  'vendor',
  'generate-lockfile',
  'metadata',
  'tree',
  'run',
  'version',
  'add',
])
/** Where Cargo puts what it makes. */
const RESULTS = /(?<![\w$-])target\/(release|debug)(?![\w-])/g

/** Cargo is told the target, and a linker for it. */
export const cargo: Detector = {
  kind: 'cargo',
  builds: isBuild,
  knows: ({ name, words: [, verb = '', next] }) =>
    (name === 'cargo' && (HOST_VERBS.has(verb) || (verb === 'chef' && next === 'prepare') || verb.startsWith('--'))) ||
    ['rustup', 'rustc', 'sccache', 'protoc'].includes(name),
  propose,
}

function isBuild({ name, words }: UnitCommand): boolean {
  const [, verb, next] = words
  return (
    name === 'cargo' &&
    (verb === 'build' ||
      verb === 'b' ||
      verb === 'rustc' ||
      (verb === 'chef' && next === 'cook') ||
      (verb === 'install' && words.some((word) => word.startsWith('--path'))))
  )
}

function propose(unit: Unit, { platforms }: { readonly platforms: readonly Platform[] }): Proposal | string {
  const builds = unit.commands.filter(isBuild)
  const problem = cargoProblem(unit, builds)
  if (problem !== undefined) return problem
  const names = namesOf(platforms)
  if (typeof names === 'string') return `xbuild does not know the Rust target of ${names}`
  const packages = crossPackages(unit, platforms)
  if (typeof packages === 'string') return packages
  const results = unit.taken.flatMap(({ path }) => (/(^|\/)target\/(release|debug)(\/|$)/.test(path) ? path : []))
  const folder = results.find((path) => !/\/target\/(release|debug)\/[^*?[\]]+$/.test(`/${path}`))
  if (folder !== undefined)
    return `"${folder}" is copied from it as a whole: copy the files by name, because cross compilation puts them into a folder named after the target`
  const last = builds.findLast(({ words }) => words[1] !== 'chef')
  if (results.length > 0 && !last) return `no command there builds "${results[0]}"`
  const open = last && results.length > 0 ? endOf(last) : undefined
  if (open === 'comment') return `the RUN at line ${last!.run.instruction.at.line} ends in a comment`
  const triple = choose(names.map(({ platform, names: { rust } }) => ({ platform, name: rust })))
  const linkers = names.map(
    ({ names: { rust, gnu } }) => `CARGO_TARGET_${rust.toUpperCase().replaceAll('-', '_')}_LINKER=${gnu}-gcc`,
  )
  return {
    summary: 'cargo runs on the build platform and compiles for the target, with a linker of Debian',
    win: COMPILE,
    left: [
      ...(packages.libraries
        ? ['the libraries for the target are found by pkg-config: crates that search elsewhere need their own settings']
        : []),
      'build scripts (build.rs) that look at TARGET, and crates with C code, get the target from Cargo; .cargo/config.toml does not name a target',
    ],
    needed: true,
    apply(draft) {
      packages.install(draft, `ENV ${linkers.join(' ')}${packages.libraries ? ' PKG_CONFIG_ALLOW_CROSS=1' : ''}`)
      for (const run of new Set(unit.commands.map((command) => command.run))) {
        const own = run.commands.filter(isBuild)
        const places = own.length > 0 || mentions(run).length > 0 ? mentions(run) : undefined
        if (!places) continue
        if (packages.libraries && own.length > 0) packages.name(draft, run)
        prepend(draft, run, [`triple=${triple.text}`, ...(own.length > 0 ? ['rustup target add $triple'] : [])])
        draft.need(run.stage, run.instruction, ...triple.args)
        for (const at of places) draft.change(run.script.place(at), '$triple/')
        for (const { command, first, words } of own)
          draft.change(run.script.place(command.words[first + (words[1] === 'chef' ? 2 : 1)]!.end), ' --target $triple')
      }
      if (last && open) for (const path of new Set(results)) collect(draft, last, path)
    },
  }
}

function cargoProblem(unit: Unit, builds: readonly UnitCommand[]): string | undefined {
  for (const name of ['CARGO_TARGET_DIR', 'CARGO_BUILD_TARGET', 'CARGO_BUILD_TARGET_DIR']) {
    const set = unit.values.get(name)?.[0]
    if (set) return `line ${set.line} sets ${name}`
  }
  for (const { words, line } of builds) {
    const at = words.findIndex((word) => /^--target(=|$)/.test(word))
    if (at !== -1)
      return `cargo (line ${line}) has the constant target "${words[at]!.split('=')[1] ?? words[at + 1] ?? ''}": choose it by $TARGETARCH`
    if (words.some((word) => /^--(target-dir|artifact-dir|out-dir)/.test(word)))
      return `cargo (line ${line}) has a folder of its own for results`
    if (words[1]!.startsWith('+')) return `cargo (line ${line}) uses another toolchain than rustup's default`
  }
  const quoted = unit.commands.find(
    ({
      run: {
        script: { text },
      },
    }) => /'[^'\n]*target\/(release|debug)[^'\n]*'/.test(text),
  )
  if (quoted) return `line ${quoted.line} names the folder of results in single quotes`
  const clash = unit.commands.find(({ run }) => usesVariable(run, 'triple') || usesVariable(run, 'cross'))
  return clash ? `line ${clash.line} has a shell variable "triple" or "cross" of its own` : undefined
}

/** Behind `target/`, wherever the folder of results is named. */
function mentions({ script: { text } }: ScriptRun): number[] {
  return [...text.matchAll(RESULTS)].map(({ index }) => index + 'target/'.length)
}

/** Whether commands can be added at the end of a RUN. */
function endOf({
  run: {
    script: { text },
  },
  command,
}: UnitCommand): 'open' | 'comment' {
  return text.slice(command.end).split('\n').at(-1)!.includes('#') ? 'comment' : 'open'
}

/** Puts a result where it was without a target. */
function collect(draft: Draft, { run: { script, instruction } }: UnitCommand, path: string): void {
  const to = path.startsWith('/') ? path : `/${path}`
  const from = to.replace(/\/target\/(release|debug)\//, '/target/$triple/$1/')
  const text = `install -D ${from} ${to}`
  if (script.body !== undefined) draft.before(instruction.at.endLine!, text)
  else draft.change(script.place(script.text.trimEnd().length), ` && ${text}`)
}
