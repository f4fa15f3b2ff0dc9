import { compact } from '../compact.ts'
import { resolve } from 'node:path'
import type { CompleteOptions } from '../config/options.ts'
import { WITHHELD, writtenCommand } from '../config/withheld.ts'
import { looksSecret } from '../dockerfile/checks/secrets.ts'
import { createMask } from '../content/mask.ts'
import { keyOf } from '../store/key.ts'
import type { RunOrigin, RunRequest } from '../store/runs/run-types.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** Options that say how a build is done, not what comes out of it. */
const HOW: ReadonlySet<keyof CompleteOptions> = new Set([
  'progress',
  'jobs',
  'timeout',
  'silenceTimeout',
  'builders',
  'nodes',
  'store',
  'storeLimit',
  'registries',
  'ociRuntime',
  'cacheFrom',
  'cacheTo',
  'noCache',
  'pull',
  'accel',
  'packs',
  'cwd',
  'pinned',
])

/** What is written down of a request: its names, and digests of what it asks for. */
function requestLine({ image, options }: SessionRequest): RunRequest {
  return { image: image ?? '', tags: options.tags, asked: askedOf(options) }
}

/** By option, a digest of what is asked for. Values that look secret are left out: they could be guessed. */
export function askedOf(options: CompleteOptions): Readonly<Record<string, string>> {
  const entries = Object.entries(options) as [keyof CompleteOptions, unknown][]
  return Object.fromEntries(
    entries.flatMap(([name, value]) => {
      if (HOW.has(name) || value === undefined || value === false || isEmpty(value)) return []
      const hashed = name === 'buildArgs' || name === 'overrides' ? withoutSecrets(value) : value
      return [[name, keyOf(hashed).slice(0, 16)]]
    }),
  )
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function withoutSecrets(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, inner: unknown) => (looksSecret(name) ? WITHHELD : inner)))
}

/** How the session was asked for, without what is secret. */
function originOf(requests: readonly SessionRequest[], invocation: BuildEdges['invocation']): RunOrigin {
  const cwd = resolve(requests[0]!.options.cwd)
  const needs = [...new Set(requests.flatMap(({ options }) => variablesOf(options)))].sort()
  const common = { cwd, ...(needs.length > 0 ? { needs } : {}) }
  if (!invocation) return common
  const { command, withheld } = writtenCommand(invocation.argv)
  const env = Object.entries(invocation.env ?? {}).filter(([name]) => !looksSecret(name))
  return {
    ...common,
    cwd: invocation.cwd ?? cwd,
    command,
    ...(withheld.length > 0 ? { withheld } : {}),
    ...(env.length > 0 ? { env: Object.fromEntries(env) } : {}),
    ...(invocation.chosen ? { chosen: invocation.chosen } : {}),
    ...compact({ metadataFile: invocation.metadataFile }),
  }
}

function variablesOf({ secrets = {} }: CompleteOptions): string[] {
  return Object.values(secrets).flatMap((source) => (source.kind === 'env' ? [source.name] : []))
}

/** Takes out what the session is given in the open and is secret all the same: build arguments with such names. */
function extraMaskOf(
  requests: readonly SessionRequest[],
  env: Readonly<Record<string, string | undefined>>,
): ((text: string) => string) | undefined {
  const args = requests.flatMap(({ options: { buildArgs, overrides = [] } }) =>
    [buildArgs, ...overrides.map((override) => override.buildArgs ?? {})].flatMap((one) => Object.entries(one)),
  )
  const values = [
    ...args.flatMap(([name, value]) => (looksSecret(name) ? [value] : [])),
    ...requests.flatMap(({ options }) => variablesOf(options).flatMap((name) => env[name] ?? [])),
  ]
  if (values.length === 0) return undefined
  const mask = createMask()
  for (const value of values) mask.add(value)
  return mask.text
}

/** What a session writes down at its beginning. */
export function beginOf(
  requests: readonly SessionRequest[],
  { env, secretEnv = env, invocation }: Pick<BuildEdges, 'env' | 'secretEnv' | 'invocation'>,
): {
  readonly images: RunRequest[]
  readonly origin: RunOrigin
  readonly hide: ((text: string) => string) | undefined
} {
  return {
    images: requests.map(requestLine),
    origin: originOf(requests, invocation),
    hide: extraMaskOf(requests, secretEnv),
  }
}
