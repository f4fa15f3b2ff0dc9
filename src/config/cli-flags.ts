import type { Call } from './call.ts'
import type { Flag } from './flag.ts'
import * as read from './flag-values.ts'

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
    help: 'Settings: registries, and values for flags that are not given; xbuild.yaml may say only what does no harm to your machine',
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
