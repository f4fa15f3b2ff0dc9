import { ATTEST_FLAGS } from './attest-flags.ts'
import { CACHE_FLAGS } from './cache-flags.ts'
import { CHECK_FLAGS } from './check-flags.ts'
import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'
import { MACHINE_FLAGS } from './machine-flags.ts'
import type { CompleteOptions } from './options.ts'
import { OUTPUT_FLAGS } from './output-flags.ts'
import * as rule from './project-rules.ts'
import { RUN_FLAGS } from './run-flags.ts'
import { SOURCE_FLAGS } from './source-flags.ts'

/** The options of a build that no flag sets: they come from PATH, xbuild.yaml and the environment. */
export const UNFLAGGED = [
  'context',
  'cwd',
  'registries',
  'sourceDateEpoch',
  'epochOfContext',
  'overrides',
  'nodes',
  'inlineDockerfile',
  'projectContext',
  'pinned',
] as const
UNFLAGGED satisfies readonly (keyof CompleteOptions)[]

/** The options of a build that a flag sets; proxies come from Docker's settings alone. */
export type FlagOption = Exclude<keyof CompleteOptions, (typeof UNFLAGGED)[number] | 'proxies'>

/** Every flag of `xbuild build`. */
export const FLAGS: FlagsOf<FlagOption> = {
  ...SOURCE_FLAGS,
  ...OUTPUT_FLAGS,
  noCache: {
    name: 'no-cache',
    project: 'free',
    group: 'common',
    help: 'Run every step again, without build cache',
    absent: false,
    parse: read.bool,
  },
  pull: {
    name: 'pull',
    project: 'free',
    group: 'common',
    key: 'pull',
    help: 'Fail when the registry cannot be asked for the newest base image; without it, the last known one is used',
    absent: false,
    parse: read.bool,
  },
  progress: {
    name: 'progress',
    project: 'free',
    placeholder: 'MODE',
    group: 'common',
    env: 'BUILDKIT_PROGRESS',
    key: 'progress',
    help: 'How progress is shown on stderr: auto, tty, plain, quiet, rawjson',
    default: 'auto',
    absent: 'auto',
    parse: read.progress,
  },
  labels: {
    name: 'label',
    project: 'free',
    placeholder: 'NAME=VALUE',
    repeat: true,
    merge: true,
    group: 'advanced',
    key: 'labels',
    help: 'Label in the config of the image',
    absent: {},
    parse: read.labels,
  },
  annotations: {
    name: 'annotation',
    project: 'free',
    placeholder: '[TYPE:]NAME=VALUE',
    repeat: true,
    group: 'advanced',
    key: 'annotations',
    help: 'Annotation; TYPE is manifest (the default), manifest-descriptor, index or index-descriptor, each with an optional [OS/ARCH]',
    absent: [],
    parse: read.annotations,
  },
  buildContexts: {
    name: 'build-context',
    project: rule.readsContext,
    placeholder: 'NAME=VALUE',
    repeat: true,
    merge: true,
    group: 'advanced',
    key: 'build-contexts',
    help: 'Named context: docker-image://REF, oci-layout://FOLDER[:TAG] or a folder that replaces NAME in the Dockerfile',
    absent: {},
    parse: read.buildContexts,
  },
  ...ATTEST_FLAGS,
  ...CHECK_FLAGS,
  ...MACHINE_FLAGS,
  ...CACHE_FLAGS,
  ...RUN_FLAGS,
}
