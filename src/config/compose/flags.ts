import { suggestionHint } from '../../did-you-mean.ts'
import type { Call } from '../call.ts'
import type { LineInput } from '../build-line.ts'
import * as read from '../flag-values.ts'
import { IMAGES_FLAGS, sharedOptions, type ImagesValues } from '../images/flags.ts'
import type { SharedOptions } from '../images/options.ts'
import type { Platform } from '../../platform.ts'
import type { FlagTable } from '../read-flags.ts'
import { usageError } from '../values.ts'

/** What the command line of `xbuild compose` says. */
export interface ComposeValues extends ImagesValues {
  /** A name without a value takes away what the files say of it. */
  readonly buildArgs: Readonly<Record<string, string | undefined>>
  readonly envFiles: readonly string[]
  readonly files: readonly string[]
  readonly profiles: readonly string[]
  readonly projectDirectory: string | undefined
  readonly projectName: string | undefined
  readonly ssh: readonly string[]
  readonly withDependencies: boolean
}

/** `xbuild compose build`, read. */
export interface ComposeCommand {
  readonly values: ComposeValues
  readonly services: readonly string[]
  readonly shared: SharedOptions
  readonly call: Call | undefined
  readonly localPlatform: Platform
}

const texts = (given: readonly string[]): readonly string[] => given

/** Flags of `xbuild compose`: those of docker compose. */
export const COMPOSE_FLAGS: FlagTable<ComposeValues> = {
  files: {
    name: 'file',
    short: 'f',
    placeholder: 'FILE',
    repeat: true,
    group: 'common',
    help: 'Compose files; later files override earlier ones; - is standard input',
    default: 'COMPOSE_FILE, else compose.yaml and compose.override.yaml here or in a folder above',
    absent: [],
    parse: texts,
  },
  profiles: {
    name: 'profile',
    placeholder: 'NAME',
    repeat: true,
    group: 'common',
    help: 'Build the services of this profile, too; * is any',
    default: 'COMPOSE_PROFILES',
    absent: [],
    parse: texts,
  },
  envFiles: {
    name: 'env-file',
    placeholder: 'FILE',
    repeat: true,
    group: 'common',
    help: 'Files with variables, instead of .env',
    default: 'COMPOSE_ENV_FILES, else .env',
    absent: [],
    parse: texts,
  },
  projectDirectory: {
    name: 'project-directory',
    placeholder: 'FOLDER',
    group: 'common',
    help: 'Where relative paths of the files begin',
    default: 'the folder of the first file',
    absent: undefined,
    parse: read.text,
  },
  projectName: {
    name: 'project-name',
    short: 'p',
    placeholder: 'NAME',
    group: 'common',
    help: 'Name of the project; images without a name are called PROJECT-SERVICE',
    default: 'COMPOSE_PROJECT_NAME, the name in the file, or that of the folder',
    absent: undefined,
    parse: read.text,
  },
  withDependencies: {
    name: 'with-dependencies',
    group: 'common',
    help: 'Build what the services depend on, too',
    absent: false,
    parse: read.bool,
  },
  buildArgs: {
    name: 'build-arg',
    placeholder: 'NAME[=VALUE]',
    repeat: true,
    group: 'common',
    help: 'Value of an ARG in all services; overrides what the file says',
    absent: {},
    parse: read.argsOfAll,
  },
  ssh: {
    name: 'ssh',
    placeholder: 'default|ID=SOCKET|ID=KEYFILE',
    repeat: true,
    group: 'common',
    help: 'Let steps with RUN --mount=type=ssh sign with the keys of an ssh agent, or of files',
    absent: [],
    parse: (given) => given.map((text) => text || 'default'),
  },
  ...IMAGES_FLAGS,
}

/** Commands of docker compose that build nothing. */
const OTHERS =
  'attach commit cp create down events exec export images kill logs ls pause port ps publish pull push restart rm run ' +
  'scale start stats stop top unpause up version volumes wait watch'

/** Reads the words of `xbuild compose`. Throws BAD_OPTION. */
export function readComposeCommand(values: ComposeValues, input: LineInput): ComposeCommand {
  const [verb, ...services] = input.words
  if (verb !== 'build' && verb !== 'config') {
    const others = OTHERS.split(' ')
    throw usageError(
      verb === undefined
        ? 'Cannot run "xbuild compose": the command is missing'
        : `Cannot run "xbuild compose ${verb}": xbuild has no such command`,
      verb !== undefined && others.includes(verb)
        ? `xbuild builds images and runs none: xbuild compose build --load, then docker compose ${verb}`
        : (suggestionHint(verb ?? '', ['build', 'config']) ?? 'Write xbuild compose build [SERVICE...]'),
    )
  }
  const { check, call } = values
  const asked: Call = check ? { ...call, kind: 'check' } : call
  return {
    values: verb === 'config' ? { ...values, print: true } : values,
    services,
    shared: sharedOptions(values, input),
    call: asked.kind === 'build' ? undefined : asked,
    localPlatform: input.localPlatform,
  }
}
