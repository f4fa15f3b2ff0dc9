import type { Entry, EntryKind, Said } from './fields.ts'
import { readBool } from '../values.ts'
import { csvFields } from './hcl/functions/csv.ts'

/** An entry that cannot be read; whoever asks knows the place. */
export class EntryError extends Error {}

/** Entries in their text form; bare references of caches may be several in one text. */
export function parseEntries(kind: EntryKind, text: string): Entry[] {
  if (text === '') return []
  if (kind === 'cache' && !text.includes('=')) return csvFields(text).map((ref) => ({ ref, type: 'registry' }))
  return [parseEntry(kind, text)]
}

function parseEntry(kind: EntryKind, text: string): Entry {
  if (kind === 'ssh') {
    const equals = text.indexOf('=')
    return equals < 0 ? { id: text } : { id: text.slice(0, equals), paths: text.slice(equals + 1).split(',') }
  }
  if (kind === 'output' && text === '-') return { dest: '-', type: 'tar' }
  const fields = csvFields(text)
  if (kind === 'output' && fields.length === 1 && fields[0] === text && !text.startsWith('type='))
    return { dest: text, type: 'local' }
  return entryOf(
    kind,
    fields.map((field) => pair(kind, field)),
  )
}

function pair(kind: EntryKind, field: string): readonly [string, string] {
  const equals = field.indexOf('=')
  if (equals < 0) throw new EntryError(`"${field}" is not a pair with "="`)
  const key = field.slice(0, equals)
  const known = key.trim().toLowerCase()
  const lower =
    kind === 'cache' || kind === 'secret'
      ? key.toLowerCase()
      : ['type', 'dest', 'disabled'].includes(known)
        ? known
        : key
  return [lower, field.slice(equals + 1)]
}

/** An entry from its keys. */
export function entryOf(kind: EntryKind, pairs: readonly (readonly [string, string])[]): Entry {
  const given: Record<string, string> = Object.assign(Object.create(null), Object.fromEntries(pairs))
  if (kind === 'secret') return secretOf(given)
  const { disabled, ...rest } = given
  if (kind === 'policy') return { ...given }
  if (rest['type'] === undefined || rest['type'] === '') throw new EntryError('the "type" is missing')
  if (kind === 'output' && rest['dest'] === '') delete rest['dest']
  if (disabled === undefined || kind !== 'attest') return sorted(disabled === undefined ? rest : { ...rest, disabled })
  const off = readBool(disabled)
  if (off === undefined) throw new EntryError(`"disabled=${disabled}" is neither true nor false`)
  return sorted({ ...rest, ...(off ? { disabled: true } : {}) })
}

function secretOf({ type, id, src, source, env, ...others }: Readonly<Record<string, string>>): Entry {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new EntryError(`a secret has no key "${unknown}"`)
  if (type !== undefined && type !== 'file' && type !== 'env') throw new EntryError(`a secret has no type "${type}"`)
  const path = source ?? src
  const fromEnv = type === 'env' && !env
  return {
    ...(id ? { id } : {}),
    ...(path && !fromEnv ? { src: path } : {}),
    ...(env || (fromEnv && path) ? { env: env || path! } : {}),
  }
}

function sorted(entry: Entry): Entry {
  return Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** The entries of a target without those that others replace. */
export function normalEntries(kind: EntryKind, items: readonly Said<Entry>[]): Said<Entry>[] {
  if (kind === 'cache' || kind === 'output') return withoutTwins(items)
  if (kind === 'policy') return [...items]
  const key = kind === 'attest' ? 'type' : 'id'
  const places = new Map<unknown, number>()
  const kept: Said<Entry>[] = []
  for (const item of items) {
    const place = places.get(item.value[key])
    if (place === undefined) {
      places.set(item.value[key], kept.length)
      kept.push(item)
    } else kept[place] = item
  }
  return kept
}

// A twin is exchanged with the last entry, which changes the order: as buildx does it
function withoutTwins(items: readonly Said<Entry>[]): Said<Entry>[] {
  const kept = [...items]
  const texts = kept.map(({ value }) => JSON.stringify(value))
  for (let at = kept.length - 2; at >= 0; at--) {
    const twin = texts.indexOf(texts[at]!, at + 1)
    if (twin < 0) continue
    kept[twin] = kept.at(-1)!
    texts[twin] = texts.at(-1)!
    kept.pop()
    texts.pop()
  }
  return kept
}

/** An entry in its text form, as flags have it. */
export function entryText(kind: EntryKind, entry: Entry): string {
  if (kind === 'ssh') {
    const paths = entry['paths'] as readonly string[] | undefined
    return paths && paths.length > 0 ? `${entry['id']}=${paths.join(',')}` : String(entry['id'] ?? '')
  }
  const { type, ...rest } = entry
  const pairs = type === undefined ? Object.entries(rest) : [['type', type] as const, ...Object.entries(rest)]
  return pairs.map(([key, value]) => quoted(`${key}=${value}`)).join(',')
}

function quoted(field: string): string {
  return /[,"\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
