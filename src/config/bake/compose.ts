import type { ImageTarget, Said as Text, SaidRecord } from '../images/target.ts'
import { entryOf, parseEntries } from './entries.ts'
import { type BakeTarget, type Entry, type EntryKind, type Field, FIELDS, type Said } from './fields.ts'

/** An image of a compose file as a target that bake files may add to. */
export function targetOfImage(image: ImageTarget): BakeTarget {
  const given: Readonly<Record<string, Text | Text<boolean> | readonly Text[] | SaidRecord | undefined>> = {
    description: image.description,
    context: image.context,
    dockerfile: image.dockerfile,
    'dockerfile-inline': image.dockerfileInline,
    args: image.args,
    labels: image.labels,
    tags: image.tags,
    platforms: image.platforms,
    target: image.target,
    contexts: image.contexts,
    'cache-from': image.cacheFrom,
    'cache-to': image.cacheTo,
    output: image.output,
    secret: image.secrets,
    ssh: image.ssh,
    'no-cache': image.noCache,
    'no-cache-filter': image.noCacheFilter,
    pull: image.pull,
    network: image.network,
    'shm-size': image.shmSize,
    ulimits: image.ulimits,
    'extra-hosts': image.extraHosts,
    entitlements: image.entitlements,
    annotations: image.annotations,
    test: image.test,
    attest: image.attest,
    resources: image.resources,
    call: image.call,
  }
  const fields = new Map<string, Field>()
  // An empty list is no word: it must not hide what a target inherits
  const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0
  for (const [name, value] of Object.entries(given))
    if (value && !isEmpty(value)) fields.set(name, fieldOf(name, value))
  return { name: image.name, at: placed(image.at), fields }
}

function fieldOf(name: string, value: Text | Text<boolean> | readonly Text[] | SaidRecord): Field {
  const { shape } = FIELDS[name]!
  switch (shape) {
    case 'text':
      return { kind: 'text', said: saidOf(value as Text) }
    case 'flag':
      return { kind: 'flag', said: saidOf(value as Text<boolean>) }
    case 'texts':
      return { kind: 'texts', items: (value as readonly Text[]).map(saidOf) }
    case 'record':
      return {
        kind: 'record',
        entries: new Map(Object.entries(value as SaidRecord).map(([key, said]) => [key, saidOf(said)])),
      }
    case 'resources': {
      const pairs = (value as readonly Text[]).map((each) => each.value.split(/=(.*)/s) as [string, string])
      return { kind: 'resources', said: { value: Object.fromEntries(pairs.map(([key, text]) => [key, text])) } }
    }
    default:
      return { kind: 'entries', items: (value as readonly Text[]).flatMap((said) => entriesOf(shape, said)) }
  }
}

function entriesOf(kind: EntryKind, said: Text): Said<Entry>[] {
  const { value, at } = saidOf(said)
  // A secret by its id alone is a short form of flags
  const entries =
    kind === 'secret' && !value.includes('=') ? [entryOf(kind, [['id', value]])] : parseEntries(kind, value)
  return entries.map((entry) => ({ value: entry, at }))
}

function saidOf<T>({ value, at }: Text<T>): Said<T> {
  return { value, at: placed(at) }
}

function placed(at: Text['at']): Said['at'] {
  return at && { file: at.file, line: at.line, column: at.column ?? 1 }
}
