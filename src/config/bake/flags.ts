import type { LineInput } from '../build-line.ts'
import type { Call } from '../call.ts'
import { IMAGES_FLAGS, type ImagesValues, sharedOptions } from '../images/flags.ts'
import type { SharedOptions } from '../images/options.ts'
import type { FlagTable } from '../read-flags.ts'
import { badValue, readBool, usageError } from '../values.ts'
import { isRemote } from './remote.ts'

/** What the command line of `xbuild bake` says. */
export interface BakeValues extends ImagesValues {
  readonly files: readonly string[]
  readonly set: readonly string[]
  readonly vars: Readonly<Record<string, string>>
  readonly list: BakeList | undefined
}

/** What `--list` shows, and how. */
export interface BakeList {
  readonly what: 'targets' | 'variables'
  readonly format: 'table' | 'json'
}

/** `xbuild bake`, read. */
export interface BakeCommand {
  readonly values: BakeValues
  readonly names: readonly string[]
  /** A git repository or a URL, which the files are read from. */
  readonly remote: string | undefined
  /** `BAKE_CMD_CONTEXT`. */
  readonly cmdContext: string | undefined
  /** Files that are named, with BUILDX_BAKE_FILE; none: the usual ones. */
  readonly files: readonly string[]
  /** `--set`, and what other flags stand for. */
  readonly set: readonly string[]
  readonly shared: SharedOptions
  readonly call: Call | undefined
  readonly localPlatform: LineInput['localPlatform']
}

/** Flags of `xbuild bake`: those of docker buildx bake. */
export const BAKE_FLAGS: FlagTable<BakeValues> = {
  files: {
    name: 'file',
    short: 'f',
    placeholder: 'FILE',
    repeat: true,
    group: 'common',
    help: 'Definitions in HCL, JSON, or compose files; later files override earlier ones; - is standard input',
    default: 'BUILDX_BAKE_FILE, else compose.yaml, docker-bake.json, docker-bake.hcl and their variants in this folder',
    absent: [],
    parse: (given) => given,
  },
  set: {
    name: 'set',
    placeholder: 'TARGET.KEY[+]=VALUE',
    repeat: true,
    group: 'common',
    help: 'Set an attribute of targets, or add to it with +=; TARGET may be a pattern, as in *.platform=linux/arm64',
    absent: [],
    parse: (given) => given,
  },
  vars: {
    name: 'var',
    placeholder: 'NAME=VALUE',
    repeat: true,
    group: 'common',
    help: 'Value of a variable',
    default: 'the environment, else as the file says',
    absent: {},
    parse: (given, { label }) => Object.fromEntries(given.map((text) => variable(text, label))),
  },
  list: {
    name: 'list',
    placeholder: 'targets|variables|type=WHAT,format=json',
    group: 'common',
    help: 'List the targets or the variables; nothing is built',
    absent: undefined,
    parse: (given, { label }) => readList(given.at(-1)!, label),
  },
  ...IMAGES_FLAGS,
}

/** Reads the words and values of `xbuild bake`. Throws BAD_OPTION. */
export function readBakeCommand(values: BakeValues, input: LineInput): BakeCommand {
  const { words, env, localPlatform } = input
  if (values.print && values.list)
    throw usageError('Cannot use "--print" with --list: they contradict', 'Leave out one of the two')
  if (readBool(env['BUILDX_BAKE_FILE_RELATIVE_PATHS'] ?? '') === true)
    throw usageError(
      'Cannot use BUILDX_BAKE_FILE_RELATIVE_PATHS: paths of bake files are relative to the folder of the run',
      'Unset it, and bake in the folder of the file',
    )
  const [first, second] = words
  const remote = first !== undefined && isRemote(first) ? first : undefined
  const cmdContext = remote !== undefined && second !== undefined && isRemote(second) ? second : undefined
  const asked: Call = values.check ? { ...values.call, kind: 'check' } : values.call
  return {
    values,
    names: words.slice(cmdContext !== undefined ? 2 : remote !== undefined ? 1 : 0),
    remote,
    cmdContext,
    files: values.files.length > 0 ? values.files : filesOf(env),
    set: [...values.set, ...shorthands(values), ...callOf(asked)],
    shared: sharedOptions(values, input),
    call: asked.kind === 'build' ? undefined : asked,
    localPlatform,
  }
}

/** Flags that stand for settings of all targets. */
function shorthands({ push, load, noCache, pull, provenance, sbom }: BakeValues): string[] {
  const attest = (type: string, text: string | undefined) => {
    if (text === undefined) return []
    const on = readBool(text)
    return [`*.attest=type=${type},${on === undefined ? text : `disabled=${!on}`}`]
  }
  return [
    ...(push ? ['*.push=true'] : []),
    ...(load ? ['*.load=true'] : []),
    ...(noCache === undefined ? [] : [`*.no-cache=${noCache}`]),
    ...(pull === undefined ? [] : [`*.pull=${pull}`]),
    ...attest('sbom', sbom),
    ...attest('provenance', provenance),
  ]
}

/** In buildx's words. */
function callOf({ kind }: Call): string[] {
  return kind === 'build' ? [] : [`*.call=${kind === 'check' ? 'lint' : kind}`]
}

function filesOf(env: LineInput['env']): string[] {
  const separator = env['BUILDX_BAKE_PATH_SEPARATOR'] || ':'
  const paths = (env['BUILDX_BAKE_FILE'] ?? '').split(separator).map((path) => path.trim())
  return paths.filter((path) => path !== '')
}

function variable(text: string, label: string): readonly [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw badValue(label, text, 'it is not a pair', 'Write NAME=VALUE')
  return [text.slice(0, equals), text.slice(equals + 1)]
}

function readList(text: string, label: string): BakeList {
  const fields = text.split(',').map((field) => field.trim())
  const pairs = fields.map((field) => (field.includes('=') ? field.split('=') : ['type', field]))
  const {
    type: what,
    format = 'table',
    ...others
  } = Object.fromEntries(pairs.map(([key = '', value = '']) => [key.toLowerCase(), value] as const)) as Readonly<
    Record<string, string | undefined>
  >
  const known = Object.keys(others).length === 0 && (format === 'table' || format === 'json')
  if (known && (what === 'targets' || what === 'variables')) return { what, format }
  throw badValue(label, text, 'there is no such list', 'Write targets, variables, or type=targets,format=json')
}
