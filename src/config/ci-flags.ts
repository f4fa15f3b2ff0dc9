import { LEG_IMAGE } from '../ci/leg-file.ts'
import { parseRunner, type RunnerRule } from '../ci/legs.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import { BUILD_CLI_FLAGS } from './cli-flags.ts'
import { readBuildLine, type BuildValues, type LineInput } from './build-line.ts'
import { FLAGS } from './flags.ts'
import * as read from './flag-values.ts'
import { parseReference, type Reference } from '../oci/reference.ts'
import type { CompleteOptions, RegistryConfig } from './options.ts'
import type { FlagTable } from './read-flags.ts'
import { usageError } from './values.ts'

/** `xbuild ci ...`. */
export type CiCommand =
  | {
      readonly verb: 'plan'
      readonly platforms: readonly Platform[]
      readonly rules: readonly RunnerRule[]
      readonly perPlatform: boolean
    }
  /** `folder`: where the leg leaves its result. */
  | { readonly verb: 'build'; readonly options: CompleteOptions; readonly folder: string; readonly resume: boolean }
  | {
      readonly verb: 'merge'
      readonly folders: readonly string[]
      readonly tags: readonly Reference[]
      /** Platforms that must be there. */
      readonly expected: readonly Platform[]
      readonly metadataFile?: string
      readonly registries: Readonly<Record<string, RegistryConfig>>
      readonly cwd: string
    }

/** What the flags of `xbuild ci` say. */
export interface CiValues extends BuildValues {
  readonly runners: readonly RunnerRule[]
  readonly perPlatform: boolean
  readonly leg: readonly Platform[]
  readonly legFolder: string | undefined
  readonly resumeLeg: boolean
}

/** Every flag of `xbuild ci`: its own, and those of a build for `ci build`. */
export const CI_FLAGS: FlagTable<CiValues> = {
  leg: {
    name: 'leg',
    placeholder: 'PLATFORM[,PLATFORM]',
    repeat: true,
    group: 'common',
    help: 'The platforms that this job builds, as xbuild ci plan gives them (build)',
    absent: [],
    parse: read.platforms,
  },
  legFolder: {
    name: 'leg-folder',
    placeholder: 'FOLDER',
    group: 'common',
    help: 'Where the leg leaves its image and leg.json (build)',
    absent: undefined,
    parse: read.text,
  },
  resumeLeg: {
    name: 'resume-leg',
    group: 'common',
    help: 'Do nothing when the folder holds the finished leg already (build)',
    absent: false,
    parse: read.bool,
  },
  runners: {
    name: 'runner',
    placeholder: 'PLATFORM=LABEL',
    repeat: true,
    group: 'common',
    help: 'The runner of platforms that begin so, like linux/riscv64=ubuntu-24.04-riscv, linux/s390x=[self-hosted,s390x] or default=ubuntu-24.04 (plan)',
    default: 'ubuntu-24.04, and ubuntu-24.04-arm for linux/arm64 and linux/arm',
    absent: [],
    parse: (texts, { label }) => texts.map((text) => parseRunner(text, label)),
  },
  perPlatform: {
    name: 'per-platform',
    group: 'common',
    help: 'A leg for each platform, not for each runner (plan)',
    absent: false,
    parse: read.bool,
  },
  ...FLAGS,
  ...BUILD_CLI_FLAGS,
}

const VERBS = ['plan', 'build', 'merge'] as const

/** Reads the words and values of `xbuild ci`. Throws BAD_OPTION. */
export function readCiCommand(values: CiValues, input: LineInput): CiCommand {
  const [verb, ...words] = input.words
  const { runners, perPlatform, leg, legFolder, resumeLeg, ...build } = values
  switch (verb) {
    case 'plan':
      if (words.length > 0)
        throw usageError(
          `Cannot plan "${words.join(' ')}": ci plan takes no PATH`,
          'Name the platforms with --platform',
        )
      return { verb, platforms: values.platforms, rules: runners, perPlatform }
    case 'build': {
      if (leg.length === 0)
        throw usageError('Cannot build a leg: --leg is missing', 'Write --leg linux/arm64, or what xbuild ci plan gave')
      if (legFolder === undefined)
        throw usageError('Cannot build a leg: --leg-folder is missing', 'Name the folder that the job keeps')
      const refused = ['platform', 'output', 'push', 'load', 'tag', 'metadata-file'].find((name) =>
        input.given.has(name),
      )
      if (refused !== undefined)
        throw usageError(
          `Cannot use "--${refused}" with ci build: a leg stays in its folder`,
          'Leave it out: --leg names the platforms, and the job that merges the legs publishes',
        )
      const line = readBuildLine({ ...build, platforms: leg }, { ...input, command: 'build', words })
      if (!('options' in line) || line.call)
        throw usageError(
          'Cannot build a leg: PATH is missing',
          'Write xbuild ci build --leg linux/arm64 --leg-folder FOLDER .',
        )
      const outputs = read.outputs([legOutput(legFolder)], { ...input, label: '--leg-folder' })
      return { verb, options: { ...line.options, tags: [], outputs }, folder: legFolder, resume: resumeLeg }
    }
    case 'merge': {
      if (words.length === 0)
        throw usageError('Cannot merge: no folder is named', 'Name the folder of each leg, or the one that holds them')
      if (values.tags.length === 0)
        throw usageError('Cannot merge: the image has no name', 'Give it one with --tag REF')
      const { platforms: expected, metadataFile } = values
      const { cwd, file } = input
      const more = metadataFile === undefined ? {} : { metadataFile }
      return {
        verb,
        folders: words,
        tags: values.tags.map(parseReference),
        expected,
        ...more,
        registries: file?.registries ?? {},
        cwd,
      }
    }
    default:
      throw usageError(`Cannot run xbuild ci "${verb ?? ''}": it is none of ${VERBS.join(', ')}`, 'See xbuild help ci')
  }
}

/** The output of a leg, in the words of `--output`. */
function legOutput(folder: string): string {
  return `type=oci,"dest=${`${folder}/${LEG_IMAGE}`.replaceAll('"', '""')}"`
}

/** The platforms of a build as legs and artifacts name them. */
export function platformNames(platforms: readonly Platform[]): string[] {
  return platforms.map(formatPlatform)
}
