import { compact } from '../../compact.ts'
import { toXbuildError, type Diagnostic, type SourcePosition } from '../../errors.ts'
import { suggestionHint } from '../../did-you-mean.ts'
import { isAbsolutePath, joinPath } from './paths.ts'
import { parseRemote } from '../../dockerfile/remote.ts'
import type { Platform } from '../../platform.ts'
import { parseBuildContext } from '../build-context.ts'
import { ConfigFileError } from '../config-file-error.ts'
import type { FlagInput } from '../flag-values.ts'
import type { Flag } from '../flag.ts'
import { FLAGS } from '../flags.ts'
import { withDefaults } from '../defaults.ts'
import type { BuildOptions, CompleteOptions, NamedContext } from '../options.ts'
import { badValue } from '../values.ts'
import type { ImageTarget, Said } from './target.ts'

/** What all images of a session have alike: of the command line, the environment and the user's settings. */
export type SharedOptions = Pick<
  CompleteOptions,
  | 'accel'
  | 'append'
  | 'force'
  | 'allowPlatformDrop'
  | 'audit'
  | 'auditExcept'
  | 'builders'
  | 'checkReproducible'
  | 'cwd'
  | 'jobs'
  | 'nodes'
  | 'ociRuntime'
  | 'packs'
  | 'progress'
  | 'registries'
  | 'silenceTimeout'
  | 'sourceDateEpoch'
  | 'store'
  | 'storeLimit'
  | 'test'
  | 'timeout'
>

/** What texts of targets are read against. */
export interface OptionsInput {
  readonly shared: SharedOptions
  readonly env: Readonly<Record<string, string | undefined>>
  /** Variables that secrets are taken from. */
  readonly secretEnv: Readonly<Record<string, string | undefined>>
  /** What the platform `local` means. */
  readonly localPlatform: Platform
  /** The names of all targets that there are. */
  readonly names: readonly string[]
}

/** An image of a session, as `build` takes it, complete. */
export interface ImageRequest {
  readonly name: string
  readonly options: CompleteOptions
}

/** The options of every target; throws `ConfigFileError` with all that cannot be used, each at its place. */
export function requestsOf(targets: readonly ImageTarget[], input: OptionsInput): ImageRequest[] {
  const problems: Diagnostic[] = []
  const requests = targets.map((target) => ({ name: target.name, options: optionsOf(target, input, problems) }))
  const file = problems[0]?.at.file
  if (file !== undefined) throw new ConfigFileError(file, problems)
  return requests
}

/** The options of one target; what cannot be used is added to `problems`. */
function optionsOf(
  target: ImageTarget,
  { shared, env, secretEnv, localPlatform, names }: OptionsInput,
  problems: Diagnostic[],
): CompleteOptions {
  const input: Omit<FlagInput, 'label'> = { env, localPlatform }
  const context = cutCwd(target.context?.value ?? '.')
  placed(target.context?.at, () => checkContext(context))
  const { dockerfileInline: inline } = target
  const epoch = shared.sourceDateEpoch
  const options: BuildOptions = compact({
    ...shared,
    context,
    projectContext: target.context?.at ? true : undefined,
    file: inline ? undefined : placed(target.dockerfile?.at, () => fileOf(target, context)),
    inlineDockerfile: inline && { text: inline.value, name: inlineName(target) },
    platforms: listed('platforms', target.platforms, FLAGS.platforms),
    target: one('target', target.target, FLAGS.target),
    buildArgs: {
      ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(epoch) }),
      ...valuesOf(target.args),
    },
    labels: valuesOf(target.labels),
    annotations: listed('annotations', target.annotations, FLAGS.annotations),
    buildContexts: contextsOf(target.contexts ?? {}),
    attest: listed('attest', target.attest, FLAGS.attest),
    tags: listed('tags', target.tags, FLAGS.tags),
    outputs: listed('output', target.output, FLAGS.outputs),
    noCache: target.noCache?.value,
    pull: target.pull?.value,
    cacheFrom: listed('cache-from', target.cacheFrom, FLAGS.cacheFrom),
    cacheTo: listed('cache-to', target.cacheTo, FLAGS.cacheTo),
    secrets: listed('secret', target.secrets, FLAGS.secrets, secretEnv),
    ssh: listed('ssh', target.ssh, FLAGS.ssh),
    network: one('network', target.network, FLAGS.network),
    addHosts: listed('extra-hosts', hostsOf(target), FLAGS.addHosts),
    ulimits: listed('ulimits', target.ulimits, FLAGS.ulimits),
    resources: listed('resources', target.resources, FLAGS.resources),
    overrides: target.overrides,
    test: listed('test', target.test, FLAGS.test),
    timeout: one('timeout', target.timeout, FLAGS.timeout),
    shmSize: one('shm-size', target.shmSize, FLAGS.shmSize),
    noCacheFilter: listed('no-cache-filter', target.noCacheFilter, FLAGS.noCacheFilter),
    allow: listed('entitlements', target.entitlements, FLAGS.allow),
  })
  return withDefaults(options, shared)

  /** Reads texts together when all of them can be used, each blamed on its own place. */
  function listed<T>(label: string, texts: readonly Said[] | undefined, flag: Flag<T>, env = input.env): T | undefined {
    if (!texts || texts.length === 0) return undefined
    const before = problems.length
    for (const { value, at } of texts) placed(at, () => flag.parse([value], { ...input, env, label }))
    if (problems.length > before) return undefined
    const all = texts.map(({ value }) => value)
    return placed(texts.at(-1)!.at, () => flag.parse(all, { ...input, env, label }))
  }

  function one<T>(label: string, text: Said | undefined, flag: Flag<T>): T | undefined {
    return listed(label, text && [text], flag)
  }

  function contextsOf(contexts: NonNullable<ImageTarget['contexts']>): Readonly<Record<string, NamedContext>> {
    const found = Object.entries(contexts).flatMap(([name, { value, at }]) => {
      const read = placed(at, () => contextOf(name, value))
      return read ? [[name, read] as const] : []
    })
    return Object.fromEntries(found)
  }

  function contextOf(name: string, value: string): NamedContext {
    if (!value.startsWith('target:')) return parseBuildContext(`${name}=${cutCwd(value)}`, `contexts.${name}`).context
    const image = value.slice('target:'.length)
    if (names.includes(image)) return { kind: 'target', image }
    throw badValue(`contexts.${name}`, value, 'there is no image of that name', suggestionHint(image, names))
  }

  function placed<T>(at: SourcePosition | undefined, read: () => T): T | undefined {
    try {
      return read()
    } catch (cause) {
      const { code, message, hint } = toXbuildError(cause)
      const place = at ?? target.at
      if (code === 'INTERNAL' || !place) throw cause
      problems.push({ rule: 'image', severity: 'error', message, at: place, ...(hint ? { hint } : {}) })
      return undefined
    }
  }
}

/** A Dockerfile lies in the context, unless it is a file of the folder of the run. */
export function fileOf({ dockerfile }: ImageTarget, context: string): string | undefined {
  if (!dockerfile) return undefined
  const { value } = dockerfile
  if (value === '-')
    throw badValue('dockerfile', value, 'standard input cannot be used when several images are built', 'Name a file')
  if (value.startsWith('cwd://')) return cutCwd(value)
  if (isAbsolutePath(value) || /^https?:\/\//i.test(value) || isRemoteContext(context)) return value
  return joinPath(context, value)
}

function checkContext(context: string): void {
  if (context === '-')
    throw badValue(
      'context',
      context,
      'standard input cannot be used when several images are built',
      'Name a folder or a URL',
    )
}

/** Whether a context is not a folder of this machine. */
export function isRemoteContext(context: string): boolean {
  try {
    return parseRemote(context, { byUser: true }) !== undefined
  } catch {
    return true
  }
}

/** `cwd://FOLDER` is a folder of the run, which a relative path is in any case. */
export function cutCwd(path: string): string {
  return path.startsWith('cwd://') ? joinPath('.', path.slice('cwd://'.length)) : path
}

/** How errors call a Dockerfile that is written in another file; a line of it follows. */
function inlineName({ name, dockerfileInline }: ImageTarget): string {
  const at = dockerfileInline?.at
  return `${at === undefined ? '' : `${at.file}:${at.line}, `}"${name}", inline Dockerfile`
}

function hostsOf({ extraHosts = {} }: ImageTarget): Said[] {
  return Object.entries(extraHosts).flatMap(([name, said]) =>
    addressesOf(said).map((ip) => ({ value: `${name}=${ip}`, at: said.at })),
  )
}

/** The addresses of a name in `extra-hosts`. */
export function addressesOf({ value }: Said): string[] {
  return value.split(',').map((ip) => ip.trim())
}

function valuesOf(record: Readonly<Record<string, Said>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, { value }]) => [name, value]))
}
