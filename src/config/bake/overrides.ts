import { compact } from '../../compact.ts'
import { badValue, readBool } from '../values.ts'
import { EntryError, normalEntries, parseEntries } from './entries.ts'
import { type Entry, type EntryKind, type Field, type Fields, fieldRule, type Said } from './fields.ts'
import { FunctionError } from './hcl/function.ts'
import { matches } from './pattern.ts'

/** A `--set` for one target: the key without the target, and what is set or added. */
interface Override {
  readonly key: string
  readonly text: string
  readonly name?: string
  value: string | undefined
  values: string[]
  append: boolean
}

/** What `--set` says of each target. */
export type Overrides = ReadonlyMap<string, ReadonlyMap<string, Override>>

const LISTS = [
  'output',
  'cache-to',
  'cache-from',
  'tags',
  'platform',
  'secrets',
  'ssh',
  'attest',
  'entitlements',
  'annotations',
  'policy',
  'no-cache-filter',
  'ulimits',
]
const NAMED = ['args', 'contexts', 'labels', 'extra-hosts', 'secret', 'resources']
const TEXTS = ['context', 'dockerfile', 'target', 'call', 'network', 'shm-size']
const FLAGS = ['no-cache', 'pull', 'push', 'load']
const KEYS = [...LISTS, ...NAMED, ...TEXTS, ...FLAGS]

/** Reads every `--set PATTERN.KEY[.NAME][+]=VALUE`. Throws BAD_OPTION. */
export function readOverrides(
  texts: readonly string[],
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Overrides {
  const found = new Map<string, Map<string, Override>>()
  for (const text of texts) {
    const equals = text.indexOf('=')
    const left = equals < 0 ? text : text.slice(0, equals)
    const value = equals < 0 ? undefined : text.slice(equals + 1)
    const append = left.endsWith('+')
    const [pattern = '', key = '', ...rest] = (append ? left.slice(0, -1) : left).split('.')
    const name = rest.length === 0 ? undefined : rest.join('.')
    check(text, { pattern, key, name, value, append })
    const wanted = names.includes(pattern) ? [pattern] : names.filter((each) => matches(pattern, each))
    if (wanted.length === 0)
      throw badValue('--set', text, `there is no target "${pattern}"`, `The targets are ${names.join(', ')}`)
    const given = value ?? (name === undefined ? undefined : env[name])
    if (given === undefined) continue
    for (const target of wanted) {
      const own = found.get(target) ?? new Map<string, Override>()
      found.set(target, own)
      const full = name === undefined ? key : `${key}.${name}`
      const before = own.get(full)
      const values = [...(before?.values ?? []), given]
      own.set(full, { key, text, ...compact({ name }), value: given, values, append })
    }
  }
  return found
}

function check(
  text: string,
  {
    pattern,
    key,
    name,
    value,
    append,
  }: { pattern: string; key: string; name: string | undefined; value: string | undefined; append: boolean },
): void {
  const fail = (state: string, hint: string) => badValue('--set', text, state, hint)
  if (pattern === '' || key === '')
    throw fail('it has no target or no attribute', 'Write TARGET.KEY=VALUE, such as *.platform=linux/amd64')
  if (!KEYS.includes(key)) throw fail(`there is no key "${key}"`, `The keys are ${KEYS.toSorted().join(', ')}`)
  if (NAMED.includes(key) && !name) throw fail(`"${key}" needs a name`, `Write ${pattern}.${key}.NAME=VALUE`)
  if (!NAMED.includes(key) && name) throw fail(`"${key}" takes no name`, `Write ${pattern}.${key}=VALUE`)
  if (append && !LISTS.includes(key)) throw fail(`nothing can be added to "${key}"`, `Write ${pattern}.${key}=VALUE`)
  if (value === undefined && key !== 'args') throw fail('the value is missing', `Write ${pattern}.${key}=VALUE`)
}

/** The attributes of a target with what the command line says of it. */
export function applyOverrides(fields: Fields, overrides: ReadonlyMap<string, Override> = new Map()): Fields {
  const known = new Map(fields)
  // push and load look at the outputs that are set
  const late = (each: Override) => (FLAGS.indexOf(each.key) >= 2 ? 1 : 0)
  for (const each of [...overrides.values()].toSorted((a, b) => late(a) - late(b))) {
    try {
      apply(known, each)
    } catch (error) {
      if (error instanceof EntryError || error instanceof FunctionError)
        throw badValue('--set', each.text, error.message, 'See docs/bake.md')
      throw error
    }
  }
  return known
}

function apply(fields: Map<string, Field>, { key, name = '', text, value = '', values, append }: Override): void {
  if (TEXTS.includes(key)) return void fields.set(key, { kind: 'text', said: { value } })
  if (key === 'secret') return setSecret(fields, name, value, text)
  if (key === 'resources') return setResource(fields, name, value, text)
  if (NAMED.includes(key)) {
    const old = fields.get(key)
    const entries = new Map(old?.kind === 'record' ? old.entries : [])
    return void fields.set(key, { kind: 'record', entries: entries.set(name, { value }) })
  }
  if (FLAGS.includes(key)) {
    const truth = readBool(value)
    if (truth === undefined)
      throw badValue('--set', text, `"${value}" is neither true nor false`, `Write ${key}=true or ${key}=false`)
    if (key === 'push') return setPush(fields, truth)
    if (key === 'load') return truth ? setLoad(fields) : undefined
    return void fields.set(key, { kind: 'flag', said: { value: truth } })
  }
  const field = key === 'platform' ? 'platforms' : key === 'secrets' ? 'secret' : key
  const { shape } = fieldRule(field)!
  const adds = append || ['entitlements', 'annotations', 'attest'].includes(key)
  const old = adds ? fields.get(field) : undefined
  if (shape === 'texts') {
    const items = values.map((each): Said => ({ value: each }))
    return void fields.set(field, { kind: 'texts', items: [...(old?.kind === 'texts' ? old.items : []), ...items] })
  }
  const kind = shape as EntryKind
  const items = values.flatMap((each) => parseEntries(kind, each)).map((entry): Said<Entry> => ({ value: entry }))
  const all = [...(old?.kind === 'entries' ? old.items : []), ...items]
  fields.set(field, { kind: 'entries', items: adds ? normalEntries(kind, all) : all })
}

function setSecret(fields: Map<string, Field>, id: string, value: string, text: string): void {
  const field = fields.get('secret')
  const items = field?.kind === 'entries' ? field.items : []
  if (!items.some((item) => item.value['id'] === id))
    throw badValue(
      '--set',
      text,
      `the target has no secret "${id}"`,
      'Only a secret that the file declares can be set in this way',
    )
  const [next = {}] = parseEntries('secret', value)
  if (next['id'] !== undefined && next['id'] !== id)
    throw badValue('--set', text, `"${String(next['id'])}" is the id of another secret`, `Leave id= out`)
  const { id: _, ...source } = next
  fields.set('secret', {
    kind: 'entries',
    items: items.map((item) => (item.value['id'] === id ? { value: { id, ...source } } : item)),
  })
}

function setResource(fields: Map<string, Field>, name: string, value: string, text: string): void {
  const counts = ['cpu-shares', 'cpu-period', 'cpu-quota']
  if (![...counts, 'memory', 'memory-swap', 'cpuset-cpus', 'cpuset-mems'].includes(name))
    throw badValue(
      '--set',
      text,
      `there is no resource "${name}"`,
      `The resources are memory, memory-swap, cpuset-cpus, cpuset-mems, ${counts.join(', ')}`,
    )
  if (counts.includes(name) && !/^[+-]?\d+$/.test(value))
    throw badValue('--set', text, `"${value}" is not a whole number`, `Write resources.${name}=NUMBER`)
  const old = fields.get('resources')
  const before = old?.kind === 'resources' ? old.said.value : {}
  fields.set('resources', {
    kind: 'resources',
    said: { value: { ...before, [name]: counts.includes(name) ? Number(value) : value } },
  })
}

function outputsOf(fields: Fields): readonly Said<Entry>[] {
  const field = fields.get('output')
  return field?.kind === 'entries' ? field.items : []
}

// Images are pushed, or not; files and folders stay as they are
function setPush(fields: Map<string, Field>, push: boolean): void {
  const outputs = outputsOf(fields)
  const marked = outputs.map((item) =>
    item.value['type'] === 'image' ? { ...item, value: { ...item.value, push: String(push) } } : item,
  )
  const kept = push ? marked : marked.filter(({ value }) => value['type'] !== 'registry')
  const added =
    push && outputs.every(({ value }) => value['type'] === 'docker') ? [{ value: { push: 'true', type: 'image' } }] : []
  if (kept.length + added.length === 0 && outputs.length === 0) return
  fields.set('output', { kind: 'entries', items: [...kept, ...added] })
}

function setLoad(fields: Map<string, Field>): void {
  const outputs = outputsOf(fields)
  const there = outputs.some(({ value }) => value['type'] === 'docker' && value['dest'] === undefined)
  const images = outputs.every(({ value }) => ['docker', 'image', 'registry', 'oci'].includes(String(value['type'])))
  if (there || !images) return
  fields.set('output', { kind: 'entries', items: [...outputs, { value: { type: 'docker' } }] })
}
