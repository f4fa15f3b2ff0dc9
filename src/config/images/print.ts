import { withoutLoginOf } from '../../dockerfile/show-url.ts'
import { parseAttributes, readBool } from '../values.ts'
import type { ImageTarget, Said, SaidRecord } from './target.ts'

type Json = Readonly<Record<string, unknown>>

/** Targets and groups as `docker buildx bake --print` shows them; ends in a newline. */
export function printTargets(
  targets: readonly ImageTarget[],
  groups: Readonly<Record<string, { readonly description?: string; readonly targets: readonly string[] }>>,
): string {
  return printed(
    groups,
    targets.map((one) => [one.name, shownTarget(one)]),
  )
}

/** Targets, each with what was asked about its Dockerfile, as `docker buildx bake --call=KIND,format=json` shows them. */
export function printAnswers(
  answers: readonly { readonly target: ImageTarget; readonly kind: string; readonly answer: unknown }[],
  groups: Readonly<Record<string, { readonly description?: string; readonly targets: readonly string[] }>>,
): string {
  return printed(
    groups,
    answers.map(({ target, kind, answer }) => [target.name, { build: shownTarget(target), [kind]: answer }]),
  )
}

function printed(
  groups: Readonly<Record<string, unknown>>,
  targets: readonly (readonly [name: string, shown: unknown])[],
): string {
  const group = sorted(groups)
  const target = sorted(Object.fromEntries(targets))
  return `${JSON.stringify({ ...(Object.keys(group).length > 0 ? { group } : {}), target }, null, 2)}\n`
}

function shownTarget(target: ImageTarget): Json {
  return withoutLoginsOf(targetJson(target))
}

/** What goes to a terminal, or into the log of a CI service, holds no logins of URLs of contexts. */
export function withoutLoginsOf(target: Json): Json {
  const clean = (value: unknown) => (typeof value === 'string' ? withoutLoginOf(value) : value)
  const { context, contexts } = target
  return {
    ...target,
    ...(context === undefined ? {} : { context: clean(context) }),
    ...(contexts === undefined
      ? {}
      : {
          contexts: Object.fromEntries(Object.entries(contexts as Json).map(([name, value]) => [name, clean(value)])),
        }),
  }
}

/** One target in the names of a bake file; attributes that are not said are left out. */
export function targetJson(target: ImageTarget): Json {
  const list = (said: readonly Said[] | undefined) => said?.map(({ value }) => value)
  const entries: readonly (readonly [key: string, value: unknown])[] = [
    ['description', target.description?.value],
    ['annotations', list(target.annotations)?.map(escaped)],
    ['attest', byType(list(target.attest))?.map(attestJson)],
    ['context', target.context?.value],
    ['contexts', recordJson(target.contexts, (text) => text)],
    ['dockerfile', target.dockerfile?.value],
    ['dockerfile-inline', target.dockerfileInline && escaped(target.dockerfileInline.value)],
    ['args', recordJson(target.args, escaped)],
    ['labels', recordJson(target.labels, escaped)],
    ['tags', list(target.tags)],
    ['cache-from', list(target.cacheFrom)?.flatMap(cacheJson)],
    ['cache-to', list(target.cacheTo)?.flatMap(cacheJson)],
    ['target', target.target?.value],
    ['secret', list(target.secrets)?.map(secretJson)],
    ['ssh', list(target.ssh)?.map(sshJson)],
    ['platforms', list(target.platforms)?.flatMap((text) => text.split(','))],
    ['output', list(target.output)?.map(outputJson)],
    ['pull', target.pull?.value],
    ['no-cache', target.noCache?.value],
    ['network', target.network?.value],
    ['no-cache-filter', list(target.noCacheFilter)],
    ['shm-size', target.shmSize?.value],
    ['ulimits', list(target.ulimits)],
    ['resources', resourcesJson(list(target.resources))],
    ['call', target.call?.value],
    ['test', list(target.test)],
    ['entitlements', list(target.entitlements)],
    ['extra-hosts', recordJson(target.extraHosts, escaped)],
  ]
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && !isEmpty(value)))
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** What is printed may be read again as a template. */
function escaped(text: string): string {
  return text.replaceAll('${', () => '$${').replaceAll('%{', '%%{')
}

function recordJson(record: SaidRecord | undefined, write: (text: string) => string): Json | undefined {
  return record && sorted(Object.fromEntries(Object.entries(record).map(([name, { value }]) => [name, write(value)])))
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries(parseAttributes(text, 'value'))
}

/** Bare references, or one entry. */
function cacheJson(text: string): Json[] {
  if (!text.includes('=')) return text.split(',').map((ref) => ({ ref, type: 'registry' }))
  return [sorted(attributesOf(text))]
}

function outputJson(text: string): Json {
  if (text === '-') return { dest: '-', type: 'tar' }
  if (!text.includes(',') && !text.startsWith('type=')) return { dest: text, type: 'local' }
  return sorted(attributesOf(text))
}

function secretJson(text: string): Json {
  const { id, type, ...fields } = attributesOf(/[=,]/.test(text) ? text : `id=${text}`)
  const path = fields['src'] ?? fields['source']
  const env = fields['env'] ?? (type === 'env' ? path : undefined)
  const src = env !== undefined && env === path ? undefined : path
  return { ...(id ? { id } : {}), ...(src ? { src } : {}), ...(env ? { env } : {}) }
}

function sshJson(text: string): Json {
  const equals = text.indexOf('=')
  return equals === -1 ? { id: text } : { id: text.slice(0, equals), paths: text.slice(equals + 1).split(',') }
}

function attestJson(text: string): Json {
  const { disabled, ...fields } = attributesOf(text)
  const off = disabled === undefined ? undefined : readBool(disabled)
  return sorted({ ...fields, ...(off ? { disabled: true } : {}) })
}

/** Of a type the last one counts, in the place of the first. */
function byType(texts: readonly string[] | undefined): string[] | undefined {
  return texts && [...new Map(texts.map((text) => [attributesOf(text)['type'], text])).values()]
}

function resourcesJson(texts: readonly string[] | undefined): Json | undefined {
  return texts && sorted(Object.assign({}, ...texts.map((text) => attributesOf(text))))
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
