import { crossPackages, usesVariable } from './cross-packages.ts'
import { COMPILE, type Detector, type Proposal } from './detector.ts'
import type { Platform } from '../../platform.ts'
import type { Draft } from './draft.ts'
import { installed, isVariable, settings, type Unit, type UnitCommand } from './unit.ts'

/** Programs that have a twin for the target with the target's name in front. */
const TOOLS: Readonly<Record<string, string>> = {
  gcc: 'gcc',
  cc: 'gcc',
  'g++': 'g++',
  'c++': 'g++',
  cpp: 'cpp',
  ar: 'ar',
  ranlib: 'ranlib',
  ld: 'ld',
  as: 'as',
  nm: 'nm',
  strip: 'strip',
  objcopy: 'objcopy',
  'gcc-ar': 'gcc-ar',
  'gcc-ranlib': 'gcc-ranlib',
}
const HOST_TOOLS: ReadonlySet<string> = new Set([
  'autoreconf',
  'autoconf',
  'automake',
  'aclocal',
  'libtoolize',
  'autoheader',
  'pkg-config',
  'pkgconf',
  'bison',
  'flex',
  'm4',
  'makeinfo',
])
/** Targets of make that run what was built. */
const RUNS_IT = /^(check|test|tests|distcheck|installcheck|bench|run)([-_:].*)?$/

/** C and C++ by make, Autoconf's configure, or the compiler itself; Debian's packages have the cross compilers. */
export const c: Detector = {
  kind: 'c',
  builds: (command) =>
    isCompiler(command) || isConfigure(command) || command.name === 'make' || command.name === 'gmake',
  knows: ({ name, words }) => (Object.hasOwn(TOOLS, name) && name === words[0]) || HOST_TOOLS.has(name),
  propose,
}

function isCompiler({ name, words }: UnitCommand): boolean {
  return name === words[0] && ['gcc', 'cc', 'g++', 'c++'].includes(name)
}

function isConfigure({ name, words }: UnitCommand): boolean {
  return name === 'configure' && words[0]!.includes('/')
}

/** What the build of C and C++ must not do, whatever starts it. */
export function cProblem(unit: Unit): string | undefined {
  for (const name of ['CC', 'CXX', 'AR', 'LD']) {
    const set = unit.values.get(name)?.[0]
    if (set) return `line ${set.line} sets ${name} for all its steps: set it for the target's compiler`
  }
  const own = unit.commands.find(
    (command) =>
      (command.name === 'export' && command.words.some((word) => /^(CC|CXX|AR|LD)=/.test(word))) ||
      ((command.name === 'cmake' || isConfigure(command)) &&
        settings(command).some(({ name }) => /^(CC|CXX|AR|LD)$/.test(name))),
  )
  if (own) return `line ${own.line} names a compiler of its own`
  const check = unit.commands.find(
    ({ name, words }) =>
      name === 'ctest' ||
      ((name === 'make' || name === 'ninja' || name === 'gmake') && words.slice(1).some((word) => RUNS_IT.test(word))),
  )
  if (check)
    return `${check.words.join(' ').slice(0, 60)} (line ${check.line}) runs what was built, which is for the target: move it into a stage of its own`
  const native = unit.commands.find(({ words }) => words.some((word) => /-m(arch|cpu|tune)=native/.test(word)))
  if (native) return `line ${native.line} compiles for the machine that it runs on (native)`
  const clash = unit.commands.find(({ run }) => usesVariable(run, 'cross'))
  return clash ? `line ${clash.line} has a shell variable "cross" of its own` : undefined
}

function propose(unit: Unit, { platforms }: { readonly platforms: readonly Platform[] }): Proposal | string {
  const problem = cProblem(unit)
  if (problem !== undefined) return problem
  const configures = unit.commands.filter(isConfigure)
  const hosted = configures.find(({ words }) => words.some((word) => word.startsWith('--host')))
  if (hosted) return `configure (line ${hosted.line}) already has a --host`
  const packages = crossPackages(unit, platforms)
  if (typeof packages === 'string') return packages
  if (configures.length === 0 && !unit.commands.some(isCompiler) && !hasCompiler(unit))
    return 'xbuild cannot tell what its make runs'
  const makes = configures.length > 0 ? [] : unit.commands.filter(({ name }) => name === 'make' || name === 'gmake')
  const tools = unit.commands.filter(({ name, words }) => Object.hasOwn(TOOLS, name) && name === words[0])
  return {
    summary:
      configures.length > 0
        ? "configure gets the target, and finds Debian's cross compiler for it"
        : "Debian's cross compiler for the target takes the place of the compiler",
    win: COMPILE,
    left: [
      ...(configures.length > 0
        ? [`configure (line ${configures[0]!.line}) is made by Autoconf: others do not support --host`]
        : []),
      ...(makes.length > 0
        ? [`the Makefile (line ${makes[0]!.line}) uses $(CC), $(CXX) and $(AR), and runs nothing that it has built`]
        : []),
      ...(/(^|\/)gcc(:|@|$)/.test(unit.root.from.image)
        ? ['the cross compiler is that of Debian, which can have another version than the compiler of the image']
        : []),
    ],
    needed: true,
    apply(draft) {
      packages.install(draft)
      for (const run of new Set([...configures, ...makes, ...tools].map((command) => command.run)))
        packages.name(draft, run)
      for (const { run, command, first } of configures)
        draft.change(run.script.place(command.words[first]!.end), ' --host=$cross')
      for (const make of makes) editMake(make, draft)
      for (const { run, command, first, name } of tools) {
        const { start, end } = command.words[first]!
        draft.change(run.script.place(start), `$cross-${TOOLS[name]}`, end - start)
      }
    },
  }
}

/** Whether the base image or a package brings a C compiler. */
function hasCompiler({ root, commands }: Unit): boolean {
  return (
    /(^|\/)(gcc|buildpack-deps)(:|@|$)/.test(root.from.image) ||
    commands.some((command) =>
      installed(command).some((name) => /^(build-essential|gcc|g\+\+|clang)(-\d+)?$/.test(name)),
    )
  )
}

const MAKE_VARIABLES = { CC: 'gcc', CXX: 'g++', AR: 'ar' } as const

function editMake(make: UnitCommand, draft: Draft): void {
  const {
    run: { script },
    command,
    first,
  } = make
  const own = [
    ...settings(make),
    ...command.words.slice(first + 1).flatMap(({ text, start, end }) => {
      const equals = text.indexOf('=')
      return equals > 0
        ? [{ name: text.slice(0, equals), value: text.slice(equals + 1), start: start + equals + 1, end }]
        : []
    }),
  ]
  const added: string[] = []
  for (const [name, tool] of Object.entries(MAKE_VARIABLES)) {
    const set = own.find((one) => one.name === name)
    if (!set) added.push(`${name}=$cross-${tool}`)
    else if (!isVariable(set.value)) draft.change(script.place(set.start), `$cross-${tool}`, set.end - set.start)
  }
  if (added.length > 0) draft.change(script.place(command.words[first]!.end), ` ${added.join(' ')}`)
}
