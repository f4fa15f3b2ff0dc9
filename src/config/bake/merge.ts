import { normalEntries } from './entries.ts'
import { type BakeTarget, type EntryKind, type Field, FIELDS, type Fields, fieldRule, type Said } from './fields.ts'

/** A target with what a later one says of it. */
export function mergeFields(before: Fields, after: Fields): Fields {
  const merged = new Map(before)
  for (const [name, field] of after) {
    const old = merged.get(name)
    const { shape, merge } = fieldRule(name)!
    if (name === 'description' && field.kind === 'text' && field.said.value === '') continue
    merged.set(name, merge === 'replace' ? field : joined(shape as EntryKind, old, field))
  }
  return merged
}

/** What others inherit from a target: that it has no output, or exports no cache, they do not. */
export function inheritable(fields: Fields): Fields {
  return new Map([...fields].filter(([, field]) => field.kind !== 'entries' || field.items.length > 0))
}

function joined(kind: EntryKind, old: Field | undefined, field: Field): Field {
  if (field.kind === 'record') {
    const entries = new Map(old?.kind === 'record' ? old.entries : [])
    // Null says nothing: neither a value nor that there is none
    for (const [key, said] of field.entries) if (said.value !== null) entries.set(key, said)
    return { kind: 'record', entries }
  }
  if (field.kind === 'resources')
    return old?.kind === 'resources'
      ? { ...field, said: { ...field.said, value: { ...old.said.value, ...field.said.value } } }
      : field
  if (field.kind === 'texts')
    return { kind: 'texts', items: [...(old?.kind === 'texts' ? old.items : []), ...field.items] }
  if (field.kind === 'entries')
    return {
      kind: 'entries',
      items: normalEntries(kind, [...(old?.kind === 'entries' ? old.items : []), ...field.items]),
    }
  return field
}

/** The attributes of a target in the form that builds use: nothing twice, nothing empty. */
export function normalize(fields: Fields): Fields {
  const network = fields.get('network')
  const known = new Map(fields)
  if (network?.kind === 'text' && network.said.value === 'host') {
    const old = known.get('entitlements')
    const more: Said = { value: 'network.host', at: network.said.at }
    known.set('entitlements', { kind: 'texts', items: [...(old?.kind === 'texts' ? old.items : []), more] })
  }
  return new Map([...known].map(([name, field]) => [name, normalField(name, field)] as const))
}

function normalField(name: string, field: Field): Field {
  const rule = FIELDS[name]!
  if (field.kind === 'texts' && rule.unique) return { kind: 'texts', items: unique(field.items) }
  if (field.kind === 'entries') return { kind: 'entries', items: normalEntries(rule.shape as EntryKind, field.items) }
  if (name === 'contexts' && field.kind === 'record')
    return { kind: 'record', entries: new Map([...field.entries].filter(([, { value }]) => value !== '')) }
  return field
}

function unique(items: readonly Said[]): Said[] {
  const seen = new Set([''])
  return items.filter(({ value }) => !seen.has(value) && seen.add(value))
}

/** Targets of the same name as one, in the place of the first. */
export function mergeTargets(targets: readonly BakeTarget[]): BakeTarget[] {
  const merged = new Map<string, BakeTarget>()
  for (const target of targets) {
    const before = merged.get(target.name)
    merged.set(target.name, {
      name: target.name,
      at: before?.at ?? target.at,
      fields: mergeFields(before?.fields ?? new Map(), target.fields),
    })
  }
  return [...merged.values()]
}
