import type { Platform } from '../../platform.ts'
import { COMPILE, type Detector, type Proposal } from './detector.ts'
import type { Draft } from './draft.ts'
import { installed, isVariable, settings, type Unit, type UnitCommand } from './unit.ts'

const HOST_VERBS: ReadonlySet<string> = new Set([
  'mod',
  'get',
  'generate',
  'test',
  'vet',
  'run',
  'env',
  'list',
  'version',
  'fmt',
  'tool',
  'work',
  'clean',
  'install',
])
const FOR_CGO = /^(gcc|g\+\+|musl-dev|build-base|build-essential|libc6-dev|libc-dev|clang|.*-dev)$/

/** `go build`: the compiler makes programs for every platform by itself. */
export const go: Detector = {
  kind: 'go',
  builds: (command) => isBuild(command) || (command.name === 'go' && command.words[1] === 'install'),
  knows: ({ name, words }) =>
    (name === 'go' && HOST_VERBS.has(words[1] ?? '')) ||
    [
      'gofmt',
      'goimports',
      'golangci-lint',
      'staticcheck',
      'templ',
      'swag',
      'buf',
      'protoc',
      'sqlc',
      'wire',
      'mockgen',
      'stringer',
    ].includes(name),
  propose,
}

function isBuild({ name, words }: UnitCommand): boolean {
  return name === 'go' && words[1] === 'build'
}

function propose(unit: Unit, { platforms }: { readonly platforms: readonly Platform[] }): Proposal | string {
  const builds = unit.commands.filter((command) => isBuild(command) && !isForeign(unit, command, platforms))
  const install = unit.commands.find(({ name, words }) => name === 'go' && words[1] === 'install')
  if (builds.length === 0 && !install) return 'it sets the target platform itself'
  const fixed = new Set(
    builds.flatMap((build) => settingOf(build, 'GOARCH')?.value ?? []).filter((value) => !isVariable(value)),
  )
  if (fixed.size > 1) return `it compiles for several platforms by itself: ${[...fixed].join(', ')}`
  if (builds.length === 0)
    return `go install (line ${install!.line}) puts a cross-compiled program into a folder of its own: use go build -o`
  const cgo = cgoOf(unit, builds)
  if (typeof cgo === 'string') return cgo
  const tests = unit.commands.find(({ name, words }) => name === 'go' && words[1] === 'test')
  const needed = builds.some((build) => !settingOf(build, 'GOARCH') && !staged(unit, 'GOARCH'))
  return {
    summary: 'go build runs on the build platform and compiles for the target',
    win: COMPILE,
    left: [
      ...(cgo.add
        ? ['CGO_ENABLED=0: the packages net and os/user use Go code only; leave it out if the program needs C']
        : []),
      ...(tests ? [`go test (line ${tests.line}) tests on the build platform only`] : []),
    ],
    needed,
    apply: (draft) => builds.forEach((build) => edit(build, { unit, draft, platforms, addCgo: cgo.add })),
  }
}

/** Whether a command compiles for a system that the image is not for, like WebAssembly. */
function isForeign(unit: Unit, command: UnitCommand, platforms: readonly Platform[]): boolean {
  const value = (name: string) => settingOf(command, name)?.value ?? unit.values.get(name)?.at(-1)?.value ?? '$'
  const system = value('GOOS')
  return value('GOARCH') === 'wasm' || !(isVariable(system) || platforms.some(({ os }) => os === system))
}

/** Whether CGO_ENABLED=0 has to be added, or why the stage cannot be compiled so. */
function cgoOf(unit: Unit, builds: readonly UnitCommand[]): { add: boolean } | string {
  const special = builds.find(({ words }) =>
    words.some((word) => word === '-race' || /^-?-buildmode=(c-|plugin|shared)/.test(word) || word === '-msan'),
  )
  if (special) return `go build at line ${special.line} needs a C compiler for the target (cgo)`
  const settings = builds.map((build) => settingOf(build, 'CGO_ENABLED') ?? staged(unit, 'CGO_ENABLED'))
  const on = settings.find((setting) => setting && setting.value !== '0')
  if (on) return `it uses cgo (CGO_ENABLED=${on.value}), which needs a C compiler for the target`
  if (settings.every(Boolean)) return { add: false }
  const tools = unit.commands.find((command) =>
    installed(command).some((name) => FOR_CGO.test(name.replace(/=.*/, ''))),
  )
  if (tools)
    return `it may use cgo: line ${tools.line} installs a C compiler or library; set CGO_ENABLED=0 if the program does without`
  return { add: true }
}

/** What `NAME=value` before a command or an `export` in the same RUN says. */
function settingOf(command: UnitCommand, name: string): { value: string; start: number; end: number } | undefined {
  const exported = command.run.commands
    .filter((one) => one.name === 'export' && one.command.start < command.command.start)
    .flatMap(({ command: { words } }) =>
      words.flatMap(({ text, start, end }) =>
        text.startsWith(`${name}=`)
          ? { name, value: text.slice(name.length + 1), start: start + name.length + 1, end }
          : [],
      ),
    )
  return settings(command).find((one) => one.name === name) ?? exported.at(-1)
}

function staged(unit: Unit, name: string): { value: string } | undefined {
  const value = unit.values.get(name)?.at(-1)
  return value && (name === 'CGO_ENABLED' || isVariable(value.value)) ? value : undefined
}

function edit(
  build: UnitCommand,
  { unit, draft, platforms, addCgo }: { unit: Unit; draft: Draft; platforms: readonly Platform[]; addCgo: boolean },
): void {
  const {
    run: { script, stage, instruction },
    command,
    first,
  } = build
  const added: string[] = []
  const set = (
    name: string,
    value: string,
    args: readonly string[],
    { keep = (_: string): boolean => false } = {},
  ): void => {
    const setting = settingOf(build, name)
    if (setting && (isVariable(setting.value) || keep(setting.value))) return
    if (!setting && staged(unit, name)) return
    if (setting) draft.change(script.place(setting.start), value, setting.end - setting.start)
    else added.push(`${name}=${value}`)
    draft.need(stage, instruction, ...args)
  }
  if (addCgo && !settingOf(build, 'CGO_ENABLED') && !staged(unit, 'CGO_ENABLED')) added.push('CGO_ENABLED=0')
  const oses = new Set(platforms.map(({ os }) => os))
  set('GOOS', '$TARGETOS', ['TARGETOS'], { keep: (value) => oses.size === 1 && oses.has(value) })
  set('GOARCH', '$TARGETARCH', ['TARGETARCH'])
  if (platforms.some(({ architecture, variant }) => architecture === 'arm' && variant !== undefined))
    set('GOARM', '${TARGETVARIANT#v}', ['TARGETVARIANT'])
  if (added.length > 0) draft.change(script.place(command.words[first]!.start), `${added.join(' ')} `)
}
