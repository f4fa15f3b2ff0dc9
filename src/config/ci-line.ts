import { compact } from '../compact.ts'
import { LEG_IMAGE, parseRepository } from '../ci/leg-file.ts'
import type { RunnerRule } from '../ci/legs.ts'
import type { Neutral } from '../ci/neutral.ts'
import { parseReference, type Reference } from '../oci/reference.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import { readBuildLine, type BuildValues, type LineInput } from './build-line.ts'
import { readCiImages, type CiImages } from './ci-images.ts'
import type { CiValues } from './ci-flags.ts'
import * as read from './flag-values.ts'
import type { CompleteOptions, RegistryConfig } from './options.ts'
import { usageError } from './values.ts'

/** `xbuild ci ...`. */
export type CiCommand =
  | {
      readonly verb: 'plan'
      readonly platforms: readonly Platform[]
      readonly images?: CiImages
      readonly rules: readonly RunnerRule[]
      readonly perPlatform: boolean
      readonly waves: boolean
      /** The build of one Dockerfile whose stages are looked at for a first wave. */
      readonly options?: CompleteOptions
    }
  | CiBuild
  | {
      readonly verb: 'merge'
      readonly folders: readonly string[]
      readonly tags: readonly Reference[]
      readonly images?: CiImages
      /** Platforms that must be there. */
      readonly expected: readonly Platform[]
      /** What tags may lose, and to whom. */
      readonly append: boolean
      readonly force: boolean
      readonly allowPlatformDrop: boolean
      readonly metadataFile?: string
      readonly registries: Readonly<Record<string, RegistryConfig>>
      readonly cwd: string
    }

/** `xbuild ci build`: one image, or one of several. */
export interface CiBuild {
  readonly verb: 'build'
  readonly platforms: readonly Platform[]
  readonly what:
    | { readonly options: CompleteOptions; readonly neutral?: Neutral }
    | {
        readonly images: CiImages
        readonly name: string
        readonly output: string
        readonly cacheFrom: readonly string[]
        readonly cacheTo: readonly string[]
      }
  /** Where the leg leaves its result; absent: a leg of the first wave leaves none. */
  readonly folder: string | undefined
  /** Where its image is pushed to. */
  readonly repository?: string
  readonly resume: boolean
  readonly registries: Readonly<Record<string, RegistryConfig>>
  readonly cwd: string
}

const VERBS = ['plan', 'build', 'merge'] as const
const REFUSED = ['platform', 'output', 'push', 'load', 'tag', 'metadata-file', 'print']

/** Reads the words and values of `xbuild ci`. Throws BAD_OPTION. */
export function readCiCommand(values: CiValues, input: LineInput): CiCommand {
  const [verb, ...words] = input.words
  switch (verb) {
    case 'plan':
      return readPlan(values, input, words)
    case 'build':
      return readBuild(values, { ...input, words })
    case 'merge':
      return readMerge(values, input, words)
    default:
      throw usageError(
        `Cannot run xbuild ci "${verb ?? ''}": it must be one of ${VERBS.join(', ')}`,
        'See xbuild help ci',
      )
  }
}

function readPlan(values: CiValues, input: LineInput, words: readonly string[]): CiCommand {
  const images = readCiImages(values, input, { all: !input.given.has('platform') })
  const readsFile = values.waves && !images
  if (words.length > 0 && !readsFile)
    throw usageError(`Cannot plan "${words.join(' ')}": ci plan takes PATH with --waves only`, 'Leave it out')
  if (images && input.given.has('platform'))
    throw usageError('Cannot use "--platform" with images of a file: the file names their platforms', 'Leave it out')
  const { platforms, runners: rules, perPlatform, waves } = values
  const options = readsFile ? { options: optionsOf(values, { ...input, words }, 'xbuild ci plan --waves .') } : {}
  return { verb: 'plan', platforms, rules, perPlatform, waves, ...options, ...(images ? { images } : {}) }
}

/** The build of one Dockerfile. */
function optionsOf(values: CiValues, input: LineInput, example: string): CompleteOptions {
  const line = readBuildLine(buildValues(values), { ...input, command: 'build' })
  if (!('options' in line) || line.call)
    throw usageError('Cannot read the Dockerfile: PATH is missing', `Write ${example}`)
  return { ...line.options, tags: [] }
}

function readBuild(values: CiValues, input: LineInput): CiCommand {
  const { leg, legFolder, legRegistry, resumeLeg, first } = values
  if (leg.length === 0)
    throw usageError('Cannot build a leg: --leg is missing', 'Write --leg linux/arm64, or what xbuild ci plan gave')
  if (legFolder === undefined && !first)
    throw usageError('Cannot build a leg: --leg-folder is missing', 'Name the folder that the job keeps')
  if (first && (legFolder !== undefined || legRegistry !== undefined || values.cacheTo.length === 0))
    throw usageError(
      'Cannot build a leg of the first wave: its steps go only to a cache',
      'Give --cache-to, and no folder',
    )
  if (values.neutral && (values.images.length > 0 || values.bakeFiles.length > 0))
    throw usageError('Cannot use "--neutral" with images of a file', 'It names stages of one Dockerfile')
  if (values.neutral && !first && values.cacheFrom.length === 0)
    throw usageError('Cannot take the stages of --neutral from a cache: there is none', 'Name it with --cache-from')
  if (values.neutral && first && platformNames(leg).join() !== formatPlatform(values.neutral.platform))
    throw usageError(
      `Cannot build the stages of --neutral for ${platformNames(leg).join()}`,
      'Name their platform with --leg',
    )
  const refused = REFUSED.find((name) => input.given.has(name))
  if (refused !== undefined)
    throw usageError(
      `Cannot use "--${refused}" with ci build: a leg stays in its folder`,
      'Leave it out: --leg names the platforms, and the job that merges the legs publishes',
    )
  const repository = legRegistry === undefined ? {} : { repository: repositoryOf(legRegistry) }
  const output = first ? 'type=cacheonly' : outputOf(legFolder!, repository.repository)
  return {
    verb: 'build',
    platforms: leg,
    what: whatOf(values, input, output),
    folder: legFolder,
    ...repository,
    resume: resumeLeg,
    registries: input.file?.registries ?? {},
    cwd: input.cwd,
  }
}

function whatOf(values: CiValues, input: LineInput, output: string): CiBuild['what'] {
  const images = readCiImages(values, input, { all: false })
  if (images) {
    const [name, ...others] = images.names
    if (name === undefined || others.length > 0 || input.words.length > 0)
      throw usageError('Cannot build a leg of several images', 'Name one with --image, and no PATH')
    const texts = (flag: string) => input.given.get(flag) ?? []
    return { images, name, output, cacheFrom: texts('cache-from'), cacheTo: texts('cache-to') }
  }
  const built = { ...values, platforms: values.leg }
  const options = optionsOf(built, input, 'xbuild ci build --leg linux/arm64 --leg-folder FOLDER .')
  const { neutral } = values
  return {
    options: { ...options, outputs: read.outputs([output], { ...input, label: '--leg-folder' }) },
    ...(neutral ? { neutral } : {}),
  }
}

/** The values of a build: without those of `xbuild ci` alone, which are no options of it. */
function buildValues(values: CiValues): BuildValues {
  const { leg: _, legFolder: _f, legRegistry: _r, resumeLeg: _l, first: _1, waves: _w, ...rest } = values
  const {
    runners: _n,
    perPlatform: _p,
    images: _i,
    bakeFiles: _b,
    grants: _g,
    sets: _s,
    vars: _v,
    neutral: _e,
    ...build
  } = rest
  return build
}

function readMerge(values: CiValues, input: LineInput, words: readonly string[]): CiCommand {
  if (words.length === 0)
    throw usageError('Cannot merge: no folder is named', 'Name the folder of each leg, or the one that holds them')
  const images = readCiImages(values, input, { all: values.tags.length === 0 })
  if (images && (input.given.has('tag') || input.given.has('platform')))
    throw usageError('Cannot use "--tag" or "--platform" with images of a file: the file names both', 'Leave them out')
  if (!images && values.tags.length === 0)
    throw usageError('Cannot merge: the image has no name', 'Give it one with --tag REF')
  const { platforms: expected, metadataFile, append = false, force = false, allowPlatformDrop = false } = values
  if (append && (force || allowPlatformDrop))
    throw usageError(
      `Cannot use "--append" with "--${force ? 'force' : 'allow-platform-drop'}": --append never removes a platform, also when somebody else changes the tag`,
    )
  return {
    verb: 'merge',
    folders: words,
    tags: values.tags.map(parseReference),
    ...(images ? { images } : {}),
    expected,
    ...{ append, force, allowPlatformDrop },
    ...compact({ metadataFile }),
    registries: input.file?.registries ?? {},
    cwd: input.cwd,
  }
}

/** The output of a leg, in the words of `--output`. */
function outputOf(folder: string, repository: string | undefined): string {
  if (repository !== undefined) return `type=image,name=${repository},push=true,push-by-digest=true`
  return `type=oci,"dest=${`${folder}/${LEG_IMAGE}`.replaceAll('"', '""')}"`
}

function repositoryOf(text: string): string {
  const repository = parseRepository(text)
  if (repository !== undefined) return repository
  throw usageError(`Cannot use --leg-registry "${text}": it has a tag or a digest`, 'Name the repository alone')
}

/** The platforms of a build as legs and artifacts name them. */
export function platformNames(platforms: readonly Platform[]): string[] {
  return platforms.map(formatPlatform)
}
