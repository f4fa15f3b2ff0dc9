import { suggestionHint } from '../../did-you-mean.ts'
import type { Call } from '../call.ts'
import type { BuildCliOptions } from '../cli-flags.ts'
import type { FileConfig } from '../file.ts'
import { FLAGS, type FlagOption } from '../flags.ts'
import type { Platform } from '../../platform.ts'
import type { CompleteOptions } from '../options.ts'
import { usageError } from '../values.ts'
import { fileTargets } from './file-targets.ts'
import { sharedOptions } from './flags.ts'
import type { SharedOptions } from './options.ts'
import type { ImageTarget, Said } from './target.ts'

type Values = Pick<CompleteOptions, FlagOption> & BuildCliOptions

/** What a command line is read against here. */
export interface ImagesInput {
  readonly command: string
  readonly words: readonly string[]
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly localPlatform: Platform
  readonly file?: FileConfig | undefined
}

/** Images of xbuild.yaml, and what is to be done with them. */
export interface ImagesCommand {
  readonly targets: readonly ImageTarget[]
  readonly chosen: readonly string[]
  readonly shared: SharedOptions
  readonly localPlatform: Platform
  readonly print: boolean
  readonly failFast: boolean
  readonly metadataFile: string | undefined
  readonly call: Call | undefined
  readonly json: boolean
  /** What `--push` leaves out: nobody says what it is called. */
  readonly unnamed: readonly string[]
}

/** Flags of one image: for several there is no telling which is meant. */
const OF_ONE = ['tags', 'file', 'target'] as const satisfies readonly FlagOption[]

/**
 * Whether a command line means images of the file: it names none but them, or nothing. A folder of the name of an image
 * is written `./NAME`.
 */
export function meansImages({ words, file }: Pick<ImagesInput, 'words' | 'file'>): boolean {
  const names = file?.images?.map(({ name }) => name) ?? []
  return names.length > 0 && (words.every((word) => names.includes(word)) || isListOfImages(words, names))
}

/** Several words are never paths: one of them is misspelled. */
function isListOfImages(words: readonly string[], names: readonly string[]): boolean {
  return words.length > 1 && words.some((word) => names.includes(word))
}

/** Reads a command line that means images of xbuild.yaml. Throws BAD_OPTION. */
export function readImagesLine(values: Values, input: ImagesInput): ImagesCommand {
  const { words, env, localPlatform } = input
  const file = input.file!
  const names = file.images!.map(({ name }) => name)
  const unknown = words.find((word) => !names.includes(word))
  if (unknown !== undefined)
    throw usageError(
      `Cannot ${input.command} "${unknown}": xbuild.yaml has no image of that name`,
      suggestionHint(unknown, names, `The images are ${names.join(', ')}`),
    )
  const chosen = words.length > 0 ? [...new Set(words)] : names
  const given = textsOf(input)
  if (chosen.length > 1) checkShared(given)
  if (values.iidFile !== undefined)
    throw usageError(
      'Cannot use "--iidfile" for images of xbuild.yaml',
      'Use --metadata-file FILE, which has all digests',
    )
  checkProgress(values, input)
  const { tags: _tags, file: _file, target: _target, outputs: _outputs, cacheTo: _cacheTo, ...ofAll } = given
  const targets = fileTargets(file, {
    givenFor: (name) => (chosen.includes(name) ? given : ofAll),
    env,
    localPlatform,
  }).map((target) => (chosen.includes(target.name) ? withOutputs(target, values) : target))
  const call: Call = values.check ? { ...values.call, kind: 'check' } : values.call
  return {
    targets,
    chosen,
    shared: shared(values, input),
    localPlatform,
    print: values.print,
    failFast: values.failFast,
    metadataFile: values.metadataFile,
    call: call.kind === 'build' ? undefined : call,
    json: values.json,
    unnamed: targets.filter((one) => values.push && chosen.includes(one.name) && !isNamed(one)).map(({ name }) => name),
  }
}

/** The one image of a command line in the model of files, as `--print` shows it. */
export function targetOfLine(values: Values, input: ImagesInput, context: string): ImageTarget {
  const { env, localPlatform, file = { registries: {}, values: {} } } = input
  const at = { file: '', line: 1 }
  const image = { name: 'default', at, texts: { context: [{ value: context, at }] } }
  const [target] = fileTargets({ ...file, images: [image] }, { givenFor: () => textsOf(input), env, localPlatform })
  return withOutputs(target!, values)
}

function isNamed({ tags = [] }: ImageTarget): boolean {
  return tags.length > 0
}

function shared(values: Values, { file, env, cwd }: ImagesInput): SharedOptions {
  const {
    timeout: _,
    test: _t,
    ...all
  } = sharedOptions(
    {
      ...values,
      allow: { read: [], write: [], rights: [] },
      load: false,
      metadataFile: undefined,
      noCache: undefined,
      pull: undefined,
      provenance: undefined,
      sbom: undefined,
    },
    { file, env, cwd },
  )
  return all
}

type Texts = { readonly [K in FlagOption]?: readonly string[] }

/** The texts of a command line by option. */
export function textsByOption(given: ImagesInput['given']): Texts {
  const texts = (Object.keys(FLAGS) as FlagOption[]).flatMap((option) => {
    const said = given.get(FLAGS[option].name)
    return said ? [[option, said] as const] : []
  })
  return Object.fromEntries(texts)
}

/** With those of the environment, which stands over the file. */
function textsOf({ given, env }: ImagesInput): Texts {
  const fromEnv = (Object.keys(FLAGS) as FlagOption[]).flatMap((option) => {
    const { env: variable } = FLAGS[option]
    return variable !== undefined && env[variable] ? [[option, [env[variable]]] as const] : []
  })
  return { ...Object.fromEntries(fromEnv), ...textsByOption(given) }
}

function checkShared(given: Texts): void {
  const options = [
    ...OF_ONE.filter((option) => given[option]),
    ...(given.outputs?.some((text) => !/^type=(?:registry|docker|cacheonly)$/.test(text))
      ? (['outputs'] as const)
      : []),
    ...(given.cacheTo?.some((text) => !/^type=inline(?:,|$)/.test(text)) ? (['cacheTo'] as const) : []),
  ]
  if (options[0])
    throw usageError(
      `Cannot use "--${FLAGS[options[0]].name}" for several images: it belongs to one`,
      'Name the image, or write it into xbuild.yaml',
    )
}

function checkProgress({ quiet, progress }: Values, { given }: ImagesInput): void {
  if (quiet && given.has('progress') && progress !== 'quiet')
    throw usageError(`Cannot use "--progress ${progress}" with --quiet: they contradict`, 'Leave out one of the two')
}

function withOutputs(target: ImageTarget, { push, load }: Values): ImageTarget {
  const more: Said[] = [...(push && isNamed(target) ? ['type=registry'] : []), ...(load ? ['type=docker'] : [])].map(
    (value) => ({ value }),
  )
  const output = [
    ...(target.output ?? []),
    ...more.filter(({ value }) => !target.output?.some((one) => one.value === value)),
  ]
  return {
    ...target,
    ...(output.length > 0 ? { output } : {}),
  }
}
