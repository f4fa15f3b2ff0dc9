import type { Place } from './hcl/ast.ts'

/** A value with the place that says so; what the command line says has none. */
export interface Said<T = string> {
  readonly value: T
  readonly at?: Place | undefined
}

/** A cache, an output, a secret and the like: its keys as `--print` shows them. */
export type Entry = Readonly<Record<string, string | boolean | number | readonly string[]>>

/** What entries an attribute has. */
export type EntryKind = 'attest' | 'cache' | 'output' | 'secret' | 'ssh' | 'policy'

/** How the values of an attribute look. */
export type FieldShape = 'text' | 'flag' | 'texts' | 'record' | 'resources' | EntryKind

/** The value of an attribute of a target. */
export type Field =
  | { readonly kind: 'text'; readonly said: Said }
  | { readonly kind: 'flag'; readonly said: Said<boolean> }
  | { readonly kind: 'texts'; readonly items: readonly Said[] }
  | { readonly kind: 'record'; readonly entries: ReadonlyMap<string, Said<string | null>> }
  | { readonly kind: 'resources'; readonly said: Said<Entry> }
  | { readonly kind: 'entries'; readonly items: readonly Said<Entry>[] }

/** Attributes by name. */
export type Fields = ReadonlyMap<string, Field>

/** An attribute: its shape, and what a later definition does with an earlier one. */
export interface FieldRule {
  readonly shape: FieldShape
  readonly merge: 'replace' | 'append'
  /** Empty texts and repeated ones are dropped. */
  readonly unique?: boolean
}

/** The attributes of a target, in the order of `--print`. */
export const FIELDS: Readonly<Record<string, FieldRule>> = {
  description: { shape: 'text', merge: 'replace' },
  inherits: { shape: 'texts', merge: 'append' },
  annotations: { shape: 'texts', merge: 'append', unique: true },
  attest: { shape: 'attest', merge: 'append' },
  context: { shape: 'text', merge: 'replace' },
  contexts: { shape: 'record', merge: 'append' },
  dockerfile: { shape: 'text', merge: 'replace' },
  'dockerfile-inline': { shape: 'text', merge: 'replace' },
  args: { shape: 'record', merge: 'append' },
  labels: { shape: 'record', merge: 'append' },
  tags: { shape: 'texts', merge: 'replace', unique: true },
  'cache-from': { shape: 'cache', merge: 'append' },
  'cache-to': { shape: 'cache', merge: 'replace' },
  target: { shape: 'text', merge: 'replace' },
  secret: { shape: 'secret', merge: 'append' },
  ssh: { shape: 'ssh', merge: 'append' },
  platforms: { shape: 'texts', merge: 'replace', unique: true },
  output: { shape: 'output', merge: 'replace' },
  pull: { shape: 'flag', merge: 'replace' },
  'no-cache': { shape: 'flag', merge: 'replace' },
  network: { shape: 'text', merge: 'replace' },
  'no-cache-filter': { shape: 'texts', merge: 'append', unique: true },
  'shm-size': { shape: 'text', merge: 'replace' },
  ulimits: { shape: 'texts', merge: 'append', unique: true },
  resources: { shape: 'resources', merge: 'append' },
  call: { shape: 'text', merge: 'replace' },
  entitlements: { shape: 'texts', merge: 'append', unique: true },
  'extra-hosts': { shape: 'record', merge: 'append' },
  policy: { shape: 'policy', merge: 'append' },
  test: { shape: 'texts', merge: 'append' }, // ours: commands of --test
}

/** The rule of an attribute, or undefined when targets have no such attribute. */
export function fieldRule(name: string): FieldRule | undefined {
  return Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
}

/** One target before its ancestors and the command line are looked at. */
export interface BakeTarget {
  readonly name: string
  readonly at?: Place | undefined
  readonly fields: Fields
}

/** A group of targets. */
export interface BakeGroup {
  readonly name: string
  readonly description?: string
  readonly targets: readonly string[]
  /** Where a file names them. */
  readonly places?: ReadonlyMap<string, Place>
  /** Compose files that build nothing make a group of no list, which `--print` shows as null. */
  readonly unlisted?: true
}

/** A variable as `--list=variables` shows it. */
export interface BakeVariable {
  readonly name: string
  readonly description: string
  readonly type: string
  /** Null when it has none. */
  readonly value: string | null
}

/** What all files together define. */
export interface BakeConfig {
  readonly groups: readonly BakeGroup[]
  readonly targets: readonly BakeTarget[]
  readonly variables: readonly BakeVariable[]
  /** Findings that are no errors, such as attributes that nothing reads. */
  readonly warnings: readonly BakeWarning[]
}

/** Something that has no effect and probably should have one. */
export interface BakeWarning {
  readonly message: string
  readonly at: Place
  readonly hint?: string | undefined
}
