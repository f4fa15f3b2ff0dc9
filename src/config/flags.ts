import * as read from './flag-values.ts'
import type { FlagInput } from './flag-values.ts'
import type { Call } from './call.ts'
import type { BuildOptions } from './options.ts'
import { RUN_FLAGS } from './run-flags.ts'

/** The options of a build that a flag sets; the others come from PATH, xbuild.yaml and the environment. */
export type FlagOption = Exclude<keyof BuildOptions, 'context' | 'cwd' | 'registries' | 'sourceDateEpoch'>

/** One flag: the parser, `--help` and xbuild.yaml all read this. */
export interface Flag<T> {
  /** Long name without dashes. */
  readonly name: string
  readonly short?: string
  /** The value in help; absent: a switch. */
  readonly placeholder?: string
  /** Every use counts; otherwise the last one wins. */
  readonly repeat?: boolean
  readonly group: 'common' | 'advanced'
  readonly help: string
  /** The default as help says it. */
  readonly default?: string
  /** Environment variable that stands in for the flag. */
  readonly env?: string
  /** Key in xbuild.yaml, where it has one. */
  readonly key?: string
  /** Values of xbuild.yaml stay and those of the command line are added, by name. */
  readonly merge?: boolean
  /** The value when nobody gave one. */
  readonly absent: T
  /** Reads all texts given, at least one. Throws BAD_OPTION or BAD_PLATFORM. */
  parse(texts: readonly string[], input: FlagInput): T
}

/** Every flag of `xbuild build`. */
export const FLAGS: { readonly [K in FlagOption]: Flag<BuildOptions[K]> } = {
  platforms: {
    name: 'platform',
    placeholder: 'OS/ARCH[/VARIANT]',
    repeat: true,
    group: 'common',
    env: 'DOCKER_DEFAULT_PLATFORM',
    key: 'platforms',
    help: 'Platforms to build for, separated by commas; "local" is this machine',
    default: 'this machine',
    absent: [],
    parse: read.platforms,
  },
  tags: {
    name: 'tag',
    short: 't',
    placeholder: 'NAME[:TAG]',
    repeat: true,
    group: 'common',
    key: 'tags',
    help: 'Name of the image',
    absent: [],
    parse: read.tags,
  },
  file: {
    name: 'file',
    short: 'f',
    placeholder: 'FILE',
    group: 'common',
    key: 'file',
    help: 'The Dockerfile: a path, a URL, or - for standard input',
    default: 'PATH/Dockerfile',
    absent: undefined,
    parse: read.dockerfile,
  },
  target: {
    name: 'target',
    placeholder: 'STAGE',
    group: 'common',
    key: 'target',
    help: 'The stage to build',
    default: 'the last',
    absent: undefined,
    parse: read.text,
  },
  buildArgs: {
    name: 'build-arg',
    placeholder: 'NAME[=VALUE]',
    repeat: true,
    merge: true,
    group: 'common',
    key: 'build-args',
    help: 'Value of an ARG; NAME alone takes it from the environment',
    absent: {},
    parse: read.buildArgs,
  },
  outputs: {
    name: 'output',
    short: 'o',
    placeholder: 'DEST|type=TYPE[,KEY=VALUE]',
    repeat: true,
    group: 'common',
    key: 'outputs',
    help:
      'Where the result goes: a folder, "-" (tar on stdout), type=oci,dest=FOLDER or FILE.tar, type=registry, type=local,dest=FOLDER, '
      + 'type=tar,dest=FILE, type=image,push=true, type=cacheonly',
    default: 'it stays in the store',
    absent: [],
    parse: read.outputs,
  },
  push: {
    name: 'push',
    group: 'common',
    help: 'Push the image to every --tag',
    absent: false,
    parse: read.bool,
  },
  noCache: {
    name: 'no-cache',
    group: 'common',
    help: 'Run every step anew',
    absent: false,
    parse: read.bool,
  },
  pull: {
    name: 'pull',
    group: 'common',
    key: 'pull',
    help: 'Fail when a registry cannot be asked for the newest base image',
    absent: false,
    parse: read.bool,
  },
  progress: {
    name: 'progress',
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
    placeholder: 'NAME=VALUE',
    repeat: true,
    merge: true,
    group: 'advanced',
    key: 'build-contexts',
    help: 'Use docker-image://REF, oci-layout://FOLDER[:TAG] or a folder where the Dockerfile says NAME',
    absent: {},
    parse: read.buildContexts,
  },
  metadataFile: {
    name: 'metadata-file',
    placeholder: 'FILE',
    group: 'advanced',
    help: 'Write digests of the result as JSON',
    absent: undefined,
    parse: read.text,
  },
  iidFile: {
    name: 'iidfile',
    placeholder: 'FILE',
    group: 'advanced',
    help: 'Write the digest of the image',
    absent: undefined,
    parse: read.text,
  },
  jobs: {
    name: 'jobs',
    placeholder: 'N',
    group: 'advanced',
    key: 'jobs',
    help: 'Steps that run at a time',
    default: 'number of CPUs, at least 16',
    absent: undefined,
    parse: read.positive,
  },
  ociRuntime: {
    name: 'oci-runtime',
    placeholder: 'PROGRAM',
    group: 'advanced',
    key: 'oci-runtime',
    help: 'The OCI runtime that runs RUN steps',
    default: 'the first of runc, crun, youki that works',
    absent: undefined,
    parse: read.text,
  },
  store: {
    name: 'store',
    placeholder: 'FOLDER',
    group: 'advanced',
    key: 'store',
    help: 'Folder of images and build cache',
    default: '/var/lib/xbuild for root, else ~/.local/share/xbuild',
    absent: undefined,
    parse: read.text,
  },
  cacheFrom: {
    name: 'cache-from',
    placeholder: 'REF|type=TYPE[,KEY=VALUE]',
    repeat: true,
    group: 'advanced',
    key: 'cache-from',
    help: 'Take steps that another machine ran: type=registry,ref=REF (REF alone, too), type=local,src=FOLDER, type=gha[,scope=NAME]',
    absent: [],
    parse: read.cacheFrom,
  },
  cacheTo: {
    name: 'cache-to',
    placeholder: 'REF|type=TYPE[,KEY=VALUE]',
    repeat: true,
    group: 'advanced',
    key: 'cache-to',
    help:
      'Give the steps of this build to other machines: type=registry,ref=REF, type=local,dest=FOLDER, type=inline, type=gha[,scope=NAME]; '
      + 'mode=max for all steps, not only those of the result. Platforms are kept apart',
    absent: [],
    parse: read.cacheTo,
  },
  storeLimit: {
    name: 'store-limit',
    placeholder: 'SIZE',
    group: 'advanced',
    env: 'XBUILD_STORE_LIMIT',
    help: 'Remove from the store what was not used for longest when it holds more than SIZE after the build, like 20GB',
    default: 'no limit',
    absent: undefined,
    parse: read.size,
  },
  ...RUN_FLAGS,
}

/** What the command line says to the program itself, not to the build. */
export interface CliOptions {
  readonly quiet: boolean
  readonly json: boolean
  readonly call: Call
  readonly check: boolean
  readonly config: string | undefined
  readonly debug: boolean
  readonly help: boolean
}

/** Flags of the program. */
export const CLI_FLAGS: { readonly [K in keyof CliOptions]: Flag<CliOptions[K]> } = {
  quiet: {
    name: 'quiet',
    short: 'q',
    group: 'common',
    help: 'Print the digest and nothing else, unless there are errors',
    absent: false,
    parse: read.bool,
  },
  json: {
    name: 'json',
    group: 'common',
    help: 'Print the plan as JSON (xbuild plan only)',
    absent: false,
    parse: read.bool,
  },
  call: {
    name: 'call',
    placeholder: 'METHOD[,format=json]',
    group: 'advanced',
    help: 'What to do with the Dockerfile: build, check (look it over), outline (what a target takes), targets (list the stages)',
    default: 'build',
    absent: { kind: 'build', format: 'text', ignoreStatus: false },
    parse: read.call,
  },
  check: {
    name: 'check',
    group: 'common',
    help: 'Look the Dockerfile over, as --call=check; nothing is built',
    absent: false,
    parse: read.bool,
  },
  config: {
    name: 'config',
    placeholder: 'FILE',
    group: 'advanced',
    help: 'Settings: registries, and values for flags that are not given',
    default: 'xbuild.yaml, if there is one',
    absent: undefined,
    parse: read.text,
  },
  debug: {
    name: 'debug',
    short: 'D',
    group: 'advanced',
    help: 'Show the causes of errors',
    absent: false,
    parse: read.bool,
  },
  help: {
    name: 'help',
    short: 'h',
    group: 'advanced',
    help: 'Show this text',
    absent: false,
    parse: read.bool,
  },
}
