import { suggest } from '../did-you-mean.ts'
import { parseRemote, type Remote } from '../dockerfile/remote.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import { COMMANDS, readArgv, type CommandName, type Invocation } from './argv.ts'
import type { FileConfig } from './file.ts'
import { resolvePlatform } from './file-platforms.ts'
import type { FlagInput } from './flag-values.ts'
import type { Call } from './call.ts'
import { CLI_FLAGS, type CliOptions } from './cli-flags.ts'
import type { Flag } from './flag.ts'
import { FLAGS, type FlagOption } from './flags.ts'
import { DOCTOR_FLAGS, type DoctorOptions, type DoctorValues } from './doctor-flags.ts'
import { NODE_FLAGS, readNodeCommand, type NodeCommand } from './node-flags.ts'
import { PACK_FLAGS, readPackCommand, type PackCommand } from './pack-flags.ts'
import { QEMU_FLAGS, readQemuCommand, type QemuCommand } from './qemu-flags.ts'
import type { BuildOptions } from './options.ts'
import type { PlatformOverride } from './options.ts'
import { DU_FLAGS, PRUNE_FLAGS } from './store-flags.ts'
import type { DuOptions, PruneOptions } from './store-options.ts'
import { readSuggestCommand, SUGGEST_FLAGS, type SuggestCommand } from './suggest-flags.ts'
import { readTrustCommand, TRUST_FLAGS, type TrustCommand } from './trust-flags.ts'
import { parseWhole, usageError } from './values.ts'

/** What the user asked for. */
export type Command =
  | { readonly command: 'build'; readonly options: BuildOptions; readonly debug: boolean }
  /** A build of which nothing is built: a question about the Dockerfile. */
  | { readonly command: 'call'; readonly options: BuildOptions; readonly debug: boolean; readonly call: Question }
  | { readonly command: 'plan'; readonly options: BuildOptions; readonly debug: boolean; readonly json: boolean }
  | { readonly command: 'du'; readonly options: DuOptions; readonly debug: boolean }
  | { readonly command: 'prune'; readonly options: PruneOptions; readonly debug: boolean }
  | { readonly command: 'node'; readonly options: NodeCommand; readonly debug: boolean }
  | { readonly command: 'pack'; readonly options: PackCommand; readonly debug: boolean }
  | { readonly command: 'qemu'; readonly options: QemuCommand; readonly debug: boolean }
  | { readonly command: 'suggest'; readonly options: SuggestCommand; readonly debug: boolean }
  | { readonly command: 'doctor'; readonly options: DoctorOptions; readonly debug: boolean }
  | { readonly command: 'trust'; readonly options: TrustCommand; readonly debug: boolean }
  | { readonly command: 'version' }
  | { readonly command: 'help'; readonly topic?: CommandName }

type Question = Call & { readonly kind: Exclude<Call['kind'], 'build'> }

/** What a command line is read against. */
export interface ParseOptions {
  readonly cwd: string
  /** xbuild.yaml, read; absent: there is none. */
  readonly file?: FileConfig
  /** What `--platform local` means. */
  readonly localPlatform: Platform
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads a whole command line; argv wins over the environment, the environment over files. Throws BAD_OPTION or
 * BAD_PLATFORM.
 */
export function parseArgv(argv: readonly string[], env: Env, options: ParseOptions): Command {
  return resolveInvocation(readArgv(argv), env, options)
}

/** The second half of `parseArgv`: text becomes values, and values are checked against each other. */
export function resolveInvocation(invocation: Invocation, env: Env, options: ParseOptions): Command {
  const { command, words, given } = invocation
  if (command === 'version') return { command }
  if (command === 'help') return help(words)
  if (command === 'du' || command === 'prune') return resolveStoreCommand(command, invocation, env, options)
  if (command === 'node') return resolveNodeCommand(invocation, env, options)
  if (command === 'pack') return resolvePackCommand(invocation, env, options)
  if (command === 'qemu') return resolveQemuCommand(invocation, env, options)
  if (command === 'suggest') return resolveSuggestCommand(invocation, env, options)
  if (command === 'doctor') return resolveDoctorCommand(invocation, env, options)
  if (command === 'trust') return resolveTrustCommand(invocation, env, options)
  const cli = readTable<CliOptions>(CLI_FLAGS, (_, flag) => given.get(flag.name), {
    env,
    localPlatform: options.localPlatform,
  })
  if (command === 'build' && cli.json) {
    throw usageError(
      'Cannot use "--json": it belongs to xbuild plan',
      'Use --metadata-file FILE for JSON about a build',
    )
  }
  const build = resolveBuild(invocation, cli, env, options)
  const call = callOf(cli)
  if (command === 'build' && isQuestion(call)) return { command: 'call', options: build, debug: cli.debug, call }
  if (command === 'plan' && isQuestion(call))
    throw usageError(
      `Cannot use "--call=${call.kind}" with plan: it is a question of its own`,
      'Leave out one of the two',
    )
  return command === 'plan'
    ? { command, options: build, json: cli.json, debug: cli.debug }
    : { command, options: build, debug: cli.debug }
}

function callOf({ call, check }: CliOptions): Call {
  if (!check) return call
  if (call.kind !== 'build' && call.kind !== 'check')
    throw usageError(`Cannot use "--check" with --call=${call.kind}: they contradict`, 'Leave out one of the two')
  return { ...call, kind: 'check' }
}

function isQuestion(call: Call): call is Question {
  return call.kind !== 'build'
}

function resolveStoreCommand(
  command: 'du' | 'prune',
  { words, given }: Invocation,
  env: Env,
  options: ParseOptions,
): Command {
  if (words.length > 0)
    throw usageError(`Cannot ${command} "${words.join(' ')}": it takes no arguments`, `See xbuild help ${command}`)
  const input = { env, localPlatform: options.localPlatform }
  const { cwd } = options
  const debug = readFlagOf(CLI_FLAGS.debug, given.get('debug'), input)
  const textsOf = (option: string, flag: Flag<unknown>) =>
    given.get(flag.name) ?? (option === 'store' ? options.file?.values.store : undefined)
  if (command === 'du')
    return { command, options: { ...readTable<Omit<DuOptions, 'cwd'>>(DU_FLAGS, textsOf, input), cwd }, debug }
  return { command, options: { ...readTable<Omit<PruneOptions, 'cwd'>>(PRUNE_FLAGS, textsOf, input), cwd }, debug }
}

function resolveNodeCommand({ words, given }: Invocation, env: Env, options: ParseOptions): Command {
  const input = { env, localPlatform: options.localPlatform }
  const values = readTable<Parameters<typeof readNodeCommand>[1]>(
    NODE_FLAGS,
    (option, flag) => given.get(flag.name) ?? (option === 'store' ? options.file?.values.store : undefined),
    input,
  )
  const command = readNodeCommand(words, values, { configured: options.file?.nodes ?? [], cwd: options.cwd })
  return { command: 'node', options: command, debug: readFlagOf(CLI_FLAGS.debug, given.get('debug'), input) }
}

function resolvePackCommand({ words, given }: Invocation, env: Env, options: ParseOptions): Command {
  const input = { env, localPlatform: options.localPlatform }
  const values = readTable<Parameters<typeof readPackCommand>[1]>(
    PACK_FLAGS,
    (option, flag) => given.get(flag.name) ?? (option === 'store' ? options.file?.values.store : undefined),
    input,
  )
  return {
    command: 'pack',
    options: readPackCommand(words, values, options.cwd),
    debug: readFlagOf(CLI_FLAGS.debug, given.get('debug'), input),
  }
}

function resolveQemuCommand({ words, given }: Invocation, env: Env, options: ParseOptions): Command {
  const input = { env, localPlatform: options.localPlatform }
  const values = readTable<Parameters<typeof readQemuCommand>[1]>(QEMU_FLAGS, (_, flag) => given.get(flag.name), input)
  return {
    command: 'qemu',
    options: readQemuCommand(words, values),
    debug: readFlagOf(CLI_FLAGS.debug, given.get('debug'), input),
  }
}

function resolveSuggestCommand({ words, given }: Invocation, env: Env, options: ParseOptions): Command {
  const input = { env, localPlatform: options.localPlatform }
  const inFile = options.file?.values
  const textsOf = (option: keyof typeof SUGGEST_FLAGS, flag: Flag<unknown>) =>
    given.get(flag.name) ??
    (flag.env && env[flag.env]
      ? [env[flag.env]!]
      : option === 'json' || option === 'write'
        ? undefined
        : inFile?.[option])
  const values = readTable<Parameters<typeof readSuggestCommand>[1]>(SUGGEST_FLAGS, textsOf, input)
  return {
    command: 'suggest',
    options: readSuggestCommand(words, values, options.cwd),
    debug: readFlagOf(CLI_FLAGS.debug, given.get('debug'), input),
  }
}

function resolveDoctorCommand(
  { words, given }: Invocation,
  env: Env,
  { file, cwd, localPlatform }: ParseOptions,
): Command {
  const input = { env, localPlatform }
  const inFile = {
    platforms: [...(file?.values.platforms ?? []), ...(file?.platforms ?? []).map(({ text }) => text)],
    store: file?.values.store,
  }
  const values = readTable<DoctorValues>(
    DOCTOR_FLAGS,
    (option, flag) =>
      given.get(flag.name) ?? (option === 'platforms' || option === 'store' ? inFile[option] : undefined),
    input,
  )
  return {
    command: 'doctor',
    options: { ...values, words, configured: file?.nodes ?? [], registries: file?.registries ?? {}, cwd },
    debug: readFlagOf(CLI_FLAGS.debug, given.get('debug'), input),
  }
}

function resolveTrustCommand({ words, given }: Invocation, env: Env, { localPlatform, cwd }: ParseOptions): Command {
  const input = { env, localPlatform }
  const values = readTable<Parameters<typeof readTrustCommand>[1]>(
    TRUST_FLAGS,
    (_, flag) => given.get(flag.name),
    input,
  )
  return {
    command: 'trust',
    options: readTrustCommand(words, values, cwd),
    debug: readFlagOf(CLI_FLAGS.debug, given.get('debug'), input),
  }
}

function help(words: readonly string[]): Command {
  const topic = COMMANDS.find((name) => name === words[0])
  if (words[0] !== undefined && !topic) {
    const near = suggest(words[0], COMMANDS)
    throw usageError(
      `Cannot show help for "${words[0]}": unknown command`,
      near ? `Did you mean xbuild help ${near}?` : `The commands are ${COMMANDS.join(', ')}`,
    )
  }
  return topic ? { command: 'help', topic } : { command: 'help' }
}

function resolveBuild(
  { command, words, given }: Invocation,
  cli: CliOptions,
  env: Env,
  options: ParseOptions,
): BuildOptions {
  const values = readTable<Pick<BuildOptions, FlagOption>>(FLAGS, textsOf, {
    env,
    localPlatform: options.localPlatform,
  })
  const context = contextOf(command, words)
  const { epoch, buildArgs } = readSourceDateEpoch(values.buildArgs, env)
  const overrides = options.file?.platforms?.map((platform) =>
    yielding(resolvePlatform(platform, { env, localPlatform: options.localPlatform }), given),
  )
  const build: BuildOptions = {
    ...values,
    buildArgs,
    context,
    ...(overrides?.length ? { overrides } : {}),
    progress: cli.quiet ? 'quiet' : values.progress,
    registries: options.file?.registries ?? {},
    ...(options.file?.nodes ? { nodes: options.file.nodes } : {}),
    cwd: options.cwd,
    // Steps see it too, when they declare the ARG
    ...(typeof epoch === 'number'
      ? { sourceDateEpoch: epoch, buildArgs: { SOURCE_DATE_EPOCH: String(epoch), ...buildArgs } }
      : {}),
    ...(epoch === 'context' ? { epochOfContext: true } : {}),
  }
  if (cli.quiet && given.has('progress') && values.progress !== 'quiet') {
    throw usageError(
      `Cannot use "--progress ${values.progress}" with --quiet: they contradict`,
      'Leave out one of the two',
    )
  }
  return build

  function textsOf(option: FlagOption, flag: Flag<unknown>): readonly string[] | undefined {
    const inFile = options.file?.values[option]
    const onLine = given.get(flag.name)
    if (flag.merge && inFile && onLine) return [...inFile, ...onLine]
    return onLine ?? (flag.env && env[flag.env] ? [env[flag.env]!] : inFile)
  }
}

/** An override without what the command line says for all platforms. */
function yielding(override: PlatformOverride, given: Invocation['given']): PlatformOverride {
  const { file, target, timeout, ...rest } = override
  const namesOnLine = (flag: string) => (given.get(flag) ?? []).map((text) => text.split('=')[0]!)
  const without = <T>(record: Readonly<Record<string, T>> | undefined, names: readonly string[]) =>
    record && Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)))
  const buildArgs = without(override.buildArgs, namesOnLine('build-arg'))
  const bases = without(override.bases, namesOnLine('build-context'))
  return {
    ...rest,
    ...(file === undefined || given.has('file') ? {} : { file }),
    ...(target === undefined || given.has('target') ? {} : { target }),
    ...(timeout === undefined || given.has('timeout') ? {} : { timeout }),
    ...(buildArgs ? { buildArgs } : {}),
    ...(bases ? { bases } : {}),
  }
}

type Table<T> = { readonly [K in keyof T]-?: Flag<T[K]> }

function readTable<T extends object>(
  table: Table<T>,
  textsOf: (option: keyof T, flag: Flag<unknown>) => readonly string[] | undefined,
  input: Omit<FlagInput, 'label'>,
): T {
  const values: Partial<T> = {}
  for (const option of Object.keys(table) as (keyof T)[]) {
    const flag = table[option]
    const texts = textsOf(option, flag)
    const value = readFlagOf(flag, texts, input)
    if (value !== undefined) values[option] = value
  }
  return values as T
}

function readFlagOf<T>(flag: Flag<T>, texts: readonly string[] | undefined, input: Omit<FlagInput, 'label'>): T {
  return texts?.length ? readFlag(flag, texts, input) : flag.absent
}

function readFlag<T>(flag: Flag<T>, texts: readonly string[], input: Omit<FlagInput, 'label'>): T {
  try {
    return flag.parse(texts, { ...input, label: `--${flag.name}` })
  } catch (cause) {
    const { code, message, hint } = toXbuildError(cause)
    if (code === 'INTERNAL') throw cause
    // Whatever reads the value: here it is wrong usage
    const from = flag.env && input.env[flag.env] === texts[0] ? ` (from ${flag.env})` : ''
    throw new XbuildError('BAD_OPTION', `${message}${from}`, { cause, ...(hint ? { hint } : {}) })
  }
}

function contextOf(command: CommandName, words: readonly string[]): string {
  const [path, ...more] = words
  if (path === undefined || path === '') {
    const example = `xbuild ${command === 'plan' ? 'plan ' : ''}--platform linux/amd64,linux/arm64 .`
    throw usageError(`Cannot ${command}: PATH is missing`, `Name the folder with the Dockerfile, like ${example}`)
  }
  if (more.length > 0) {
    const near = suggest(path, COMMANDS)
    throw usageError(
      `Cannot ${command} "${words.join(' ')}": one PATH is needed and there are ${words.length}`,
      near ? `Did you mean xbuild ${near} ${more.join(' ')}? The command comes first` : 'Quote values that hold spaces',
    )
  }
  const remote = path === '-' ? undefined : readRemote(path)
  if (!remote && /^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
    throw usageError(
      `Cannot ${command} "${path}": xbuild does not know such URLs`,
      'Name a folder, a git, http or https URL, or - for standard input',
    )
  }
  return path
}

function readRemote(path: string): Remote | undefined {
  try {
    return parseRemote(path, { byUser: true })
  } catch (cause) {
    const { message, hint } = toXbuildError(cause)
    throw new XbuildError('BAD_OPTION', message, { cause, ...(hint ? { hint } : {}) })
  }
}

/** `context` is the time of the context, which nobody knows yet: no build argument then. */
function readSourceDateEpoch(
  buildArgs: Readonly<Record<string, string>>,
  env: Env,
): { epoch: number | 'context' | undefined; buildArgs: Readonly<Record<string, string>> } {
  const text = buildArgs['SOURCE_DATE_EPOCH'] ?? env['SOURCE_DATE_EPOCH']
  if (text !== 'context') return { epoch: text ? parseWhole(text, 0, 'SOURCE_DATE_EPOCH') : undefined, buildArgs }
  const { SOURCE_DATE_EPOCH: _, ...others } = buildArgs
  return { epoch: 'context', buildArgs: others }
}
