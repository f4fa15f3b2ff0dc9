import type { Call } from './call.ts'
import type { Flag } from './flag.ts'
import * as read from './flag-values.ts'

/** What the command line of a build says to the program itself, not to the build. */
export interface BuildCliOptions {
  readonly quiet: boolean
  readonly json: boolean
  readonly call: Call
  readonly check: boolean
  /** Only where xbuild.yaml names images. */
  readonly print: boolean
  readonly failFast: boolean
}

/** Flags of `xbuild build` and `xbuild plan` that are no options of a build. */
export const BUILD_CLI_FLAGS: { readonly [K in keyof BuildCliOptions]: Flag<BuildCliOptions[K]> } = {
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
    help: 'What to do with the Dockerfile: build, check (lint), outline (list the arguments of a target), targets (list the stages)',
    default: 'build',
    absent: { kind: 'build', format: 'text', ignoreStatus: false },
    parse: read.call,
  },
  check: {
    name: 'check',
    group: 'common',
    help: 'Lint the Dockerfile, like --call=check; nothing is built',
    absent: false,
    parse: read.bool,
  },
  print: {
    name: 'print',
    group: 'common',
    help: 'Print what would be built as the JSON of docker buildx bake; nothing is built',
    absent: false,
    parse: read.bool,
  },
  failFast: {
    name: 'fail-fast',
    group: 'common',
    help: 'Stop all images when the first one fails',
    absent: false,
    parse: read.bool,
  },
}

/** Flags of every command; some read no settings. */
export const PROGRAM_FLAGS: {
  readonly config: Flag<string | undefined>
  readonly debug: Flag<boolean>
  readonly help: Flag<boolean>
} = {
  config: {
    name: 'config',
    placeholder: 'FILE',
    group: 'advanced',
    help: 'Settings: registries, and values for flags that are not given; xbuild.yaml of a project can set only what is safe',
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
    help: 'Show this help',
    absent: false,
    parse: read.bool,
  },
}
