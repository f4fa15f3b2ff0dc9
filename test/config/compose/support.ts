import { isAbsolute, join } from 'node:path'
import { parse } from 'yaml'
import { readFileSync } from 'node:fs'
import type { ImageTarget, Said, SaidRecord } from '../../../src/config/images/target.ts'

/** A project of compose files, and how it is built. */
export interface ComposeCase {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly extra?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Words before `build`. */
  readonly pre?: readonly string[]
  readonly args?: readonly string[]
  readonly broken?: boolean
}

/** What compose prints for a project; `broken` where it refuses it. */
export type Golden = { readonly broken: true } | { readonly group: readonly string[]; readonly target: unknown }

export const cases = parse(readFileSync(join(import.meta.dirname, 'cases.yaml'), 'utf8'), {
  customTags: [],
}) as readonly ComposeCase[]

/** The words of the command line after the name of the program. */
export function wordsOf({ pre = [], args = [] }: ComposeCase): string[] {
  return ['compose', ...pre, 'build', ...args]
}

export function filesOf({ files, extra = {} }: ComposeCase): [string, string][] {
  return Object.entries({ ...files, ...extra })
}

interface BakeTarget {
  readonly [key: string]: unknown
  readonly args?: Record<string, string>
  readonly labels?: Record<string, string>
}

/** What `docker compose build --print` says of a target, without what is of its own. */
export function normalized(target: BakeTarget): BakeTarget {
  const { output: _, ...rest } = target
  const { 'com.docker.compose.version': __, ...labels } = rest.labels ?? {}
  const sorted = (value: unknown) => (Array.isArray(value) ? value.toSorted() : value)
  return {
    ...rest,
    labels,
    ...('ulimits' in rest ? { ulimits: sorted(rest['ulimits']) } : {}),
    ...('ssh' in rest ? { ssh: sorted(rest['ssh']) } : {}),
  }
}

/** A target of ours as compose prints it. */
export function asPrinted(target: ImageTarget): BakeTarget {
  const list = (said: readonly Said[] = []) => said.map(({ value }) => value)
  const record = (said: SaidRecord = {}) =>
    Object.fromEntries(Object.entries(said).map(([name, { value }]) => [name, value]))
  const escape = (text: string) => text.replaceAll('${', () => '$${')
  const context = target.context!.value
  const isFolder = isAbsolute(context)
  const dockerfile = target.dockerfileInline
    ? undefined
    : (target.dockerfile?.value ?? (isFolder ? join(context, 'Dockerfile') : 'Dockerfile'))
  const all: Record<string, unknown> = {
    context,
    contexts: record(target.contexts),
    dockerfile,
    'dockerfile-inline': target.dockerfileInline && escape(target.dockerfileInline.value),
    args: Object.fromEntries(Object.entries(record(target.args)).map(([name, value]) => [name, escape(value)])),
    labels: record(target.labels),
    tags: list(target.tags),
    'cache-from': list(target.cacheFrom),
    'cache-to': list(target.cacheTo),
    target: target.target?.value,
    secret: list(target.secrets),
    ssh: list(target.ssh).map((text) => (text === 'default' ? 'default=' : text)),
    platforms: list(target.platforms),
    pull: target.pull?.value,
    'no-cache': target.noCache?.value,
    network: target.network?.value,
    'no-cache-filter': list(target.noCacheFilter),
    'shm-size': target.shmSize?.value,
    ulimits: list(target.ulimits),
    entitlements: list(target.entitlements),
    'extra-hosts': record(target.extraHosts),
    attest: list(target.attest).filter((text) => !text.includes('disabled=true')),
  }
  const isSaid = (value: unknown) =>
    value !== undefined && value !== false && !(typeof value === 'object' && Object.keys(value as object).length === 0)
  return normalized(Object.fromEntries(Object.entries(all).filter(([, value]) => isSaid(value))))
}
