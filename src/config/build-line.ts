import { suggest } from '../did-you-mean.ts'
import { parseRemote, type Remote } from '../dockerfile/remote.ts'
import { toXbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { Invocation } from './argv.ts'
import type { Call } from './call.ts'
import type { BuildCliOptions } from './cli-flags.ts'
import type { FileConfig } from './file.ts'
import { resolvePlatform } from './file-platforms.ts'
import type { FlagOption } from './flags.ts'
import type { CompleteOptions, PlatformOverride } from './options.ts'
import { parseWhole, usageError } from './values.ts'

type Env = Readonly<Record<string, string | undefined>>

/** A call that builds nothing: a question about the Dockerfile. */
export type Question = Call & { readonly kind: Exclude<Call['kind'], 'build'> }

/** What a command line is read against, beside the values of its flags. */
export interface LineInput extends Invocation {
  readonly env: Env
  readonly cwd: string
  /** What `--platform local` means. */
  readonly localPlatform: Platform
  /** xbuild.yaml, read; absent: there is none. */
  readonly file?: FileConfig
  /** The names of all commands. */
  readonly commands: readonly string[]
}

/** What the flags of `xbuild build` and `xbuild plan` say. */
export type BuildValues = Pick<CompleteOptions, FlagOption> & BuildCliOptions

/** Reads the words and values of `xbuild build`. Throws BAD_OPTION, BAD_PLATFORM. */
export function readBuildLine(
  values: BuildValues,
  input: LineInput,
): { readonly options: CompleteOptions; readonly call?: Question } {
  if (values.json) {
    throw usageError(
      'Cannot use "--json": it belongs to xbuild plan',
      'Use --metadata-file FILE for JSON about a build',
    )
  }
  const options = optionsOf(values, input)
  const call = callOf(values)
  return isQuestion(call) ? { options, call } : { options }
}

/** Reads the words and values of `xbuild plan`. Throws BAD_OPTION, BAD_PLATFORM. */
export function readPlanLine(
  values: BuildValues,
  input: LineInput,
): { readonly options: CompleteOptions; readonly json: boolean } {
  const options = optionsOf(values, input)
  const call = callOf(values)
  if (isQuestion(call))
    throw usageError(`Cannot use "--call=${call.kind}" with plan: they contradict`, 'Leave out one of the two')
  return { options, json: values.json }
}

function callOf({ call, check }: BuildCliOptions): Call {
  if (!check) return call
  if (call.kind !== 'build' && call.kind !== 'check')
    throw usageError(`Cannot use "--check" with --call=${call.kind}: they contradict`, 'Leave out one of the two')
  return { ...call, kind: 'check' }
}

function isQuestion(call: Call): call is Question {
  return call.kind !== 'build'
}

function optionsOf(
  { quiet, json: _json, call: _call, check: _check, ...values }: BuildValues,
  input: LineInput,
): CompleteOptions {
  const { command, words, given, env, file, cwd, localPlatform } = input
  const context = contextOf(command, words, input.commands)
  const { epoch, buildArgs } = readSourceDateEpoch(values.buildArgs, env)
  const overrides = file?.platforms?.map((platform) =>
    yielding(resolvePlatform(platform, { env, localPlatform }), given),
  )
  if (quiet && given.has('progress') && values.progress !== 'quiet') {
    throw usageError(
      `Cannot use "--progress ${values.progress}" with --quiet: they contradict`,
      'Leave out one of the two',
    )
  }
  return {
    ...values,
    buildArgs,
    context,
    ...(overrides?.length ? { overrides } : {}),
    progress: quiet ? 'quiet' : values.progress,
    registries: file?.registries ?? {},
    ...(file?.nodes ? { nodes: file.nodes } : {}),
    cwd,
    // Steps see it too, when they declare the ARG
    ...(typeof epoch === 'number'
      ? { sourceDateEpoch: epoch, buildArgs: { SOURCE_DATE_EPOCH: String(epoch), ...buildArgs } }
      : {}),
    ...(epoch === 'context' ? { epochOfContext: true } : {}),
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

function contextOf(command: string, words: readonly string[], commands: readonly string[]): string {
  const [path, ...more] = words
  if (path === undefined || path === '') {
    const example = `xbuild ${command === 'plan' ? 'plan ' : ''}--platform linux/amd64,linux/arm64 .`
    throw usageError(`Cannot ${command}: PATH is missing`, `Name the folder with the Dockerfile, like ${example}`)
  }
  if (more.length > 0) {
    const near = suggest(path, commands)
    throw usageError(
      `Cannot ${command} "${words.join(' ')}": one PATH is needed and there are ${words.length}`,
      near ? `Did you mean xbuild ${near} ${more.join(' ')}? The command comes first` : 'Quote values that hold spaces',
    )
  }
  const remote = path === '-' ? undefined : readRemote(path)
  if (!remote && /^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
    throw usageError(
      `Cannot ${command} "${path}": this kind of URL is not supported`,
      'Name a folder, a git, http or https URL, or - for standard input',
    )
  }
  return path
}

function readRemote(path: string): Remote | undefined {
  try {
    return parseRemote(path, { byUser: true })
  } catch (cause) {
    throw toXbuildError(cause).with({ code: 'BAD_OPTION' })
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
