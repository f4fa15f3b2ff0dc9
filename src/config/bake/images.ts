import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import type { ImageTarget, Said as Text } from '../images/target.ts'
import { entryText } from './entries.ts'
import { type BakeTarget, type EntryKind, type Field, type Fields, fieldRule, type Said } from './fields.ts'
import type { Resolved } from './resolve.ts'

/** Targets in the model that all files of a project share. What only others are made from has no outputs. */
export function imageTargets({ targets, linked }: Resolved): ImageTarget[] {
  return targets.map((target) => imageTarget(target, linked.has(target.name)))
}

function imageTarget({ name, at, fields }: BakeTarget, linked: boolean): ImageTarget {
  checkPolicy(fields)
  const outputs = linked
    ? []
    : list(fields, 'output')?.filter(({ value }) => !/(?:^|,)type=cacheonly(?:,|$)/.test(value))
  return compact({
    name,
    at,
    description: text(fields, 'description'),
    context: text(fields, 'context'),
    dockerfile: text(fields, 'dockerfile'),
    dockerfileInline: text(fields, 'dockerfile-inline'),
    args: record(fields, 'args'),
    labels: record(fields, 'labels'),
    tags: list(fields, 'tags'),
    platforms: list(fields, 'platforms'),
    target: text(fields, 'target'),
    contexts: record(fields, 'contexts'),
    cacheFrom: list(fields, 'cache-from'),
    cacheTo: list(fields, 'cache-to'),
    output: outputs,
    secrets: list(fields, 'secret'),
    ssh: list(fields, 'ssh'),
    noCache: flag(fields, 'no-cache'),
    noCacheFilter: list(fields, 'no-cache-filter'),
    pull: flag(fields, 'pull'),
    network: text(fields, 'network'),
    shmSize: text(fields, 'shm-size'),
    ulimits: list(fields, 'ulimits'),
    extraHosts: record(fields, 'extra-hosts'),
    entitlements: list(fields, 'entitlements'),
    annotations: list(fields, 'annotations'),
    test: list(fields, 'test'),
    attest: list(fields, 'attest'),
    resources: resources(fields),
    call: text(fields, 'call'),
    overrides: undefined,
    timeout: undefined,
  })
}

// Who writes one counts on it
function checkPolicy(fields: Fields): void {
  const field = fields.get('policy')
  const [first] = field?.kind === 'entries' ? field.items : []
  if (first)
    throw new XbuildError('UNSUPPORTED', 'Cannot build with the attribute "policy": xbuild evaluates no policies', {
      at: first.at,
      hint: 'Remove it, or build the target with docker buildx',
    })
}

function text(fields: Fields, name: string): Text | undefined {
  const field = fields.get(name)
  return field?.kind === 'text' && field.said.value !== '' ? field.said : undefined
}

function flag(fields: Fields, name: string): Text<boolean> | undefined {
  const field = fields.get(name)
  return field?.kind === 'flag' ? field.said : undefined
}

function record(fields: Fields, name: string): Record<string, Text> | undefined {
  const field = fields.get(name)
  if (field?.kind !== 'record') return undefined
  return Object.fromEntries([...field.entries].filter((entry): entry is [string, Said] => entry[1].value !== null))
}

function list(fields: Fields, name: string): readonly Text[] | undefined {
  const field = fields.get(name)
  if (field?.kind === 'texts') return field.items
  if (field?.kind !== 'entries') return undefined
  const kind = fieldRule(name)!.shape as EntryKind
  return field.items.map(({ value, at }) => ({ value: entryText(kind, value), at }))
}

function resources(fields: Fields): readonly Text[] | undefined {
  const field: Field | undefined = fields.get('resources')
  if (field?.kind !== 'resources') return undefined
  const { value, at } = field.said
  return Object.entries(value).map(([key, each]) => ({ value: `${key}=${String(each)}`, at }))
}
