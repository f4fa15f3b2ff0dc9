import { parseRunner, type RunnerRule } from '../ci/legs.ts'
import { parseNeutral, type Neutral } from '../ci/neutral.ts'
import type { Platform } from '../platform.ts'
import { BAKE_FLAGS } from './bake/flags.ts'
import { BUILD_CLI_FLAGS } from './cli-flags.ts'
import type { BuildValues } from './build-line.ts'
import { FLAGS } from './flags.ts'
import * as read from './flag-values.ts'
import { parseAllow, type Grants } from './images/allow.ts'
import type { FlagTable } from './read-flags.ts'

/** What the flags of `xbuild ci` say. */
export interface CiValues extends BuildValues {
  readonly runners: readonly RunnerRule[]
  readonly perPlatform: boolean
  readonly leg: readonly Platform[]
  readonly legFolder: string | undefined
  readonly legRegistry: string | undefined
  readonly resumeLeg: boolean
  readonly first: boolean
  readonly waves: boolean
  readonly neutral: Neutral | undefined
  readonly bakeFiles: readonly string[]
  readonly images: readonly string[]
  readonly grants: Grants
  readonly sets: readonly string[]
  readonly vars: Readonly<Record<string, string>>
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
  legRegistry: {
    name: 'leg-registry',
    placeholder: 'REPOSITORY',
    group: 'common',
    help: 'Push the image of the leg there by its digest, without a name; leg.json alone stays in the folder (build)',
    absent: undefined,
    parse: read.text,
  },
  images: {
    name: 'image',
    placeholder: 'NAME',
    repeat: true,
    group: 'common',
    help: 'An image of xbuild.yaml, or a target of --bake-file; all of them when none is named (plan, merge)',
    absent: [],
    parse: (texts) => texts,
  },
  bakeFiles: {
    name: 'bake-file',
    placeholder: 'FILE',
    repeat: true,
    group: 'common',
    help: 'Definitions of images in HCL, JSON or compose files, as xbuild bake reads them',
    absent: [],
    parse: (texts) => texts,
  },
  grants: {
    name: 'grant',
    placeholder: 'RIGHT[=VALUE]',
    repeat: true,
    group: 'common',
    help: 'Let the files of --bake-file do more than read and write in the project, as xbuild bake --allow',
    absent: { read: [], write: [], rights: [] },
    parse: (texts, { label }) => parseAllow(texts, label),
  },
  sets: { ...BAKE_FLAGS.set, help: 'Set an attribute of targets of --bake-file, as xbuild bake --set' },
  vars: { ...BAKE_FLAGS.vars, help: 'Value of a variable of --bake-file' },
  first: {
    name: 'first',
    group: 'common',
    help: 'A leg of the first wave: its steps go to --cache-to, and nothing else is kept (build)',
    absent: false,
    parse: read.bool,
  },
  waves: {
    name: 'waves',
    group: 'common',
    help: 'Two matrices, first and legs: the first builds images that several others are made from, or stages of the Dockerfile that are the same for all platforms (plan)',
    absent: false,
    parse: read.bool,
  },
  neutral: {
    name: 'neutral',
    placeholder: 'PLATFORM=STAGE[,STAGE]',
    group: 'common',
    help: 'Stages that are the same for all platforms, as xbuild ci plan --waves gives them: built with --first, taken from --cache-from otherwise (build)',
    absent: undefined,
    parse: (texts, { label }) => parseNeutral(texts.at(-1)!, label),
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
