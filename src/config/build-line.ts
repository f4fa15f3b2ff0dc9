import { compact } from '../compact.ts'
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
import { yieldTo } from './images/file-targets.ts'
import { meansImages, readImagesLine, targetOfLine, textsByOption, type ImagesCommand } from './images/line.ts'
import type { ImageTarget } from './images/target.ts'
import type { CompleteOptions } from './options.ts'
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

/** What `xbuild build` means: one image, the images of xbuild.yaml, or nothing, of which help tells more. */
export type BuildLine =
  | { readonly options: CompleteOptions; readonly call?: Question }
  | { readonly images: ImagesCommand }
  /** The image is only shown. */
  | { readonly shown: ImageTarget }
  | { readonly topic: undefined }

/** Reads the words and values of `xbuild build`. Throws BAD_OPTION, BAD_PLATFORM. */
export function readBuildLine(values: BuildValues, input: LineInput): BuildLine {
  if (values.json) {
    throw usageError(
      'Cannot use "--json": it belongs to xbuild plan',
      'Use --metadata-file FILE for JSON about a build',
    )
  }
  if (meansImages(input)) return { images: readImagesLine(values, input) }
  if (input.bare) return { topic: undefined }
  checkForImages({ ...values, print: false }, input)
  const options = optionsOf(values, input)
  if (values.print) return { shown: targetOfLine(values, input, options.context) }
  const call = callOf(values)
  return isQuestion(call) ? { options, call } : { options }
}

/** Reads the words and values of `xbuild plan`. Throws BAD_OPTION, BAD_PLATFORM. */
export function readPlanLine(
  values: BuildValues,
  input: LineInput,
): { readonly options: CompleteOptions; readonly json: boolean } | { readonly images: ImagesCommand } {
  const call = callOf(values)
  if (isQuestion(call))
    throw usageError(`Cannot use "--call=${call.kind}" with plan: they contradict`, 'Leave out one of the two')
  if (meansImages(input)) return { images: readImagesLine(values, input) }
  checkForImages(values, input)
  return { options: optionsOf(values, input), json: values.json }
}

/** Flags that make sense for the images of a file only. */
function checkForImages({ print, failFast }: BuildValues, { file }: LineInput): void {
  if (!print && !failFast) return
  const state = file?.images?.length ? 'PATH is one image' : 'xbuild.yaml names no images'
  throw usageError(
    `Cannot use "--${print ? 'print' : 'fail-fast'}": ${state}`,
    'Name images in xbuild.yaml; xbuild init writes one',
  )
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
  { quiet, json: _json, call: _call, check: _check, print: _print, failFast: _fail, ...values }: BuildValues,
  input: LineInput,
): CompleteOptions {
  const { command, words, given, env, file, cwd, localPlatform } = input
  const context = contextOf(command, words, input.commands)
  const { epoch, buildArgs } = readSourceDateEpoch(values, env)
  const overrides = file?.platforms?.map((platform) =>
    yieldTo(resolvePlatform(platform, { env, localPlatform }), textsByOption(given)),
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
    ...compact({ nodes: file?.nodes }),
    cwd,
    // Steps see it too, when they declare the ARG
    ...(typeof epoch === 'number'
      ? { sourceDateEpoch: epoch, buildArgs: { SOURCE_DATE_EPOCH: String(epoch), ...buildArgs } }
      : {}),
    ...(typeof epoch === 'string' ? { epochOfContext: epoch } : {}),
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

/** Names of contexts mean their times, which nobody knows yet: no build argument then. */
function readSourceDateEpoch(
  { buildArgs, buildContexts }: Pick<BuildValues, 'buildArgs' | 'buildContexts'>,
  env: Env,
): { epoch: number | string | undefined; buildArgs: Readonly<Record<string, string>> } {
  const text = buildArgs['SOURCE_DATE_EPOCH'] ?? env['SOURCE_DATE_EPOCH']
  const isName = text !== undefined && !/^\d+$/.test(text) && (text === 'context' || Object.hasOwn(buildContexts, text))
  if (!isName) return { epoch: text ? parseWhole(text, 0, 'SOURCE_DATE_EPOCH') : undefined, buildArgs }
  const { SOURCE_DATE_EPOCH: _, ...others } = buildArgs
  return { epoch: text, buildArgs: others }
}
