import { suggestionHint } from '../../did-you-mean.ts'
import { XbuildError } from '../../errors.ts'
import type { BakeConfig, BakeGroup, BakeTarget, Field, Fields, Said } from './fields.ts'
import { cleanPath } from './hcl/clean-path.ts'
import { inheritable, mergeFields, normalize } from './merge.ts'
import { applyOverrides, type Overrides, readOverrides } from './overrides.ts'
import { contextInOrigin, type Origin } from './origin.ts'
import { isPattern, matches } from './pattern.ts'
import { isRemote } from './remote.ts'

/** What is to be built, in the form of `--print`. */
export interface Resolved {
  /** By name; those that only others need come after, and are not outputs of their own. */
  readonly targets: readonly BakeTarget[]
  readonly groups: readonly BakeGroup[]
  /** Targets that nobody asked for by name: others are built from them. */
  readonly linked: ReadonlySet<string>
}

/** What is asked for. */
export interface ResolveInput {
  readonly names: readonly string[]
  /** `--set`, and what other flags stand for. */
  readonly set: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The repository that the files were read from: contexts are folders of it. */
  readonly origin?: Origin | undefined
}

/** The targets that names and patterns lead to, with ancestors, overrides and the targets they are made from. */
export function resolveTargets(config: BakeConfig, { names, set, env, origin }: ResolveInput): Resolved {
  const byName = new Map(config.targets.map((target) => [target.name, target]))
  const overrides = readOverrides(set, [...byName.keys()], env)
  const wanted = unique(
    (names.length > 0 ? names : ['default']).flatMap((name) => named(config, name.replaceAll('.', '_'))),
  )
  const members = wanted.map((name) => membersOf(config, name, new Map()))
  const resolver = createResolver(byName, overrides, origin)
  const targets = new Map(
    unique(members.flatMap((each) => each.targets)).map((name) => [name, resolver(name, placeOf(config, name))]),
  )
  const groups = printedGroups(config, wanted, unique(members.flatMap((each) => each.groups)))
  const linked = new Set<string>()
  for (const name of [...targets.keys()]) link(name, targets, linked, resolver, [])
  return { targets: [...targets.values()], groups, linked }
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}

function named({ groups, targets }: BakeConfig, pattern: string): string[] {
  if (!isPattern(pattern)) return [pattern]
  const found = [...groups, ...targets].map(({ name }) => name).filter((name) => matches(pattern, name))
  if (found.length > 0) return found
  throw new XbuildError('BAD_OPTION', `Cannot bake "${pattern}": no target matches it`, {
    hint: `The targets are ${targets.map(({ name }) => name).join(', ')}`,
  })
}

interface Members {
  readonly targets: readonly string[]
  readonly groups: readonly string[]
}

// A group within itself is no group there, and no target has its name
function membersOf(config: BakeConfig, name: string, known: Map<string, Members>): Members {
  const before = known.get(name)
  if (before) return before
  const group = config.groups.find((each) => each.name === name)
  if (!group) return { targets: [name], groups: [] }
  known.set(name, { targets: [name], groups: [] })
  const found = group.targets.map((each) => {
    const inner = membersOf(config, each, known)
    // A group without targets is none to others: what has its name is looked for, as docker buildx does
    return inner.targets.length > 0 ? inner : { ...inner, targets: [each] }
  })
  const members = {
    targets: unique(found.flatMap(({ targets }) => targets)),
    groups: unique([name, ...found.flatMap(({ groups }) => groups)]),
  }
  known.set(name, members)
  return members
}

/** Where a group names a target. */
function placeOf({ groups }: BakeConfig, name: string): BakeTarget['at'] {
  for (const { places } of groups) if (places?.has(name)) return places.get(name)
  return undefined
}

/** A target with its ancestors; `place` is where somebody names it. */
type Resolver = (name: string, place: BakeTarget['at']) => BakeTarget

function printedGroups(config: BakeConfig, wanted: readonly string[], names: readonly string[]): BakeGroup[] {
  const groups = names.map((name) => config.groups.find((each) => each.name === name)!)
  const index = groups.findIndex(({ name }) => name === 'default')
  const fallback: BakeGroup = index < 0 ? { name: 'default', targets: [] } : groups[index]!
  // "default" is a member only where it made the group
  const more = wanted.filter((name, at) => name !== 'default' || (index < 0 && at === 0))
  const full = { ...fallback, targets: unique([...fallback.targets, ...more]).toSorted() }
  return index < 0 ? [...groups, full] : groups.with(index, full)
}

function createResolver(
  targets: ReadonlyMap<string, BakeTarget>,
  overrides: Overrides,
  origin: Origin | undefined,
): Resolver {
  return (name, place) => {
    const done = new Map<string, Fields | undefined>()
    const found = ancestors(name)!
    const { at } = targets.get(name)!
    const fields = new Map(found)
    fields.delete('inherits')
    fields.set('context', origin ? inOrigin(fields.get('context'), origin) : cleanContext(fields.get('context')))
    const contexts = fields.get('contexts')
    if (origin && contexts?.kind === 'record') fields.set('contexts', contextsInOrigin(contexts.entries, origin))
    const dockerfile = fields.get('dockerfile')
    if (dockerfile?.kind !== 'text' || dockerfile.said.value === '') fields.set('dockerfile', said('Dockerfile'))
    if (origin) checkDockerfile(found.get('context'), fields)
    return { name, at, fields }

    function ancestors(each: string): Fields | undefined {
      if (done.has(each)) return done.get(each)
      done.set(each, undefined)
      const target = targets.get(each)
      if (!target) throw unknown(each, targets, place)
      const inherits = target.fields.get('inherits')
      let fields: Fields = new Map()
      for (const { value, at } of inherits?.kind === 'texts' ? inherits.items : []) {
        if (!targets.has(value)) throw unknown(value, targets, at)
        const parent = ancestors(value)
        if (parent) fields = mergeFields(fields, inheritable(parent))
      }
      const own = mergeFields(fields, target.fields)
      const resolved = normalize(applyOverrides(own, overrides.get(each)))
      done.set(each, resolved)
      return resolved
    }
  }
}

// A folder in its shortest form; a URL stays as it is
function cleanContext(field: Field | undefined): Field {
  if (field?.kind !== 'text') return said('.')
  const { value, at } = field.said
  if (isRemote(value)) return field
  return { kind: 'text', said: { value: cleanPath(value.startsWith('cwd://') ? value.slice(6) : value), at } }
}

// What lies in the repository that the user named is the user's word, and needs no place
function inOrigin(field: Field | undefined, origin: Origin): Field {
  if (field?.kind !== 'text') return said(contextInOrigin(origin, '.'))
  const { value, at } = field.said
  if (isRemote(value)) return field
  if (value.startsWith('cwd://')) return cleanContext(field)
  return said(contextInOrigin(origin, value, at))
}

// A relative Dockerfile lies in its context: for one of this machine it would not be that of the repository
function checkDockerfile(context: Field | undefined, fields: Fields): void {
  const [dockerfile, inline] = [fields.get('dockerfile'), fields.get('dockerfile-inline')]
  if (context?.kind !== 'text' || !context.said.value.startsWith('cwd://') || inline) return
  if (dockerfile?.kind !== 'text' || /^(?:cwd|https?):\/\//.test(dockerfile.said.value)) return
  const { value, at = context.said.at } = dockerfile.said
  throw new XbuildError('UNSUPPORTED', `Cannot use the Dockerfile "${value}" with a context of this machine`, {
    at,
    hint: `cwd://${value} is a file of this machine; a Dockerfile of the repository needs a context of it`,
  })
}

function contextsInOrigin(entries: ReadonlyMap<string, Said<string | null>>, origin: Origin): Field {
  const mapped = [...entries].map(([name, one]): [string, Said<string | null>] => {
    const { value, at } = one
    if (value === null || isRemote(value) || /^(?:cwd:\/\/|target:|docker-image:|oci-layout:)/.test(value))
      return [name, one]
    return [name, { value: contextInOrigin(origin, value, at) }]
  })
  return { kind: 'record', entries: new Map(mapped) }
}

function said(value: string): Field {
  return { kind: 'text', said: { value } }
}

function unknown(name: string, targets: ReadonlyMap<string, BakeTarget>, at?: BakeTarget['at']): XbuildError {
  const hint = suggestionHint(
    name,
    targets.keys(),
    targets.size > 0 ? `The targets are ${[...targets.keys()].join(', ')}` : undefined,
  )
  return new XbuildError('BAD_OPTION', `Cannot find the target "${name}": no file defines it`, {
    hint,
    at,
  })
}

// Targets that a target is made from; what they are allowed to do, it is
function link(
  name: string,
  targets: Map<string, BakeTarget>,
  linked: Set<string>,
  resolver: Resolver,
  path: readonly string[],
): void {
  const open = [...path, name]
  const contexts = targets.get(name)!.fields.get('contexts')
  for (const { value, at } of contexts?.kind === 'record' ? contexts.entries.values() : []) {
    if (!value?.startsWith('target:')) continue
    const other = value.slice('target:'.length)
    if (open.includes(other)) throw circle(other, open, at)
    if (!targets.has(other)) {
      const found = resolver(other, at)
      targets.set(other, {
        ...found,
        fields: new Map([...found.fields, ['output', { kind: 'entries', items: [{ value: { type: 'cacheonly' } }] }]]),
      })
      linked.add(other)
    }
    link(other, targets, linked, resolver, open)
    targets.set(name, withRights(targets.get(name)!, targets.get(other)!))
    checkPlatforms(targets.get(name)!, targets.get(other)!)
  }
}

function circle(other: string, open: readonly string[], at: BakeTarget['at']): XbuildError {
  const round = [...open.slice(open.indexOf(other)), other].join(' -> ')
  return new XbuildError('BAD_OPTION', `Cannot build "${other}": it depends on itself (${round})`, at ? { at } : {})
}

function itemsOf(target: BakeTarget, name: string) {
  const field = target.fields.get(name)
  return field?.kind === 'texts' ? field.items : []
}

function withRights(target: BakeTarget, other: BakeTarget): BakeTarget {
  const own = itemsOf(target, 'entitlements')
  const more = itemsOf(other, 'entitlements').filter(({ value }) => !own.some((each) => each.value === value))
  if (more.length === 0) return target
  return {
    ...target,
    fields: new Map([...target.fields, ['entitlements', { kind: 'texts', items: [...own, ...more] }]]),
  }
}

function checkPlatforms(target: BakeTarget, other: BakeTarget): void {
  const [wanted, there] = [itemsOf(target, 'platforms'), itemsOf(other, 'platforms').map(({ value }) => value)]
  const missing = wanted.filter(({ value }) => !there.includes(value))
  if (wanted.length < 2 || there.length < 2 || missing.length === 0) return
  const at = missing[0]!.at
  throw new XbuildError(
    'BAD_OPTION',
    `Cannot make "${target.name}" from "${other.name}": the latter is not built for ${missing.map(({ value }) => value).join(', ')}`,
    {
      hint: `Add the platform to "${other.name}"`,
      at,
    },
  )
}
