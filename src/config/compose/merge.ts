import { mapOf, textOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'

/** Paths of what a later file replaces as a whole. */
const REPLACED = ['services.*.command', 'services.*.entrypoint', 'services.*.healthcheck.test']

/** Paths of lists and maps that go together by name: `NAME=VALUE`, or keys and values. */
const BY_NAME =
  'services.*.annotations services.*.build.args services.*.build.additional_contexts services.*.build.labels ' +
  'services.*.deploy.labels services.*.environment services.*.labels services.*.sysctls services.*.dns ' +
  'services.*.dns_opt services.*.dns_search services.*.tmpfs networks.*.labels volumes.*.labels'

/** Paths of lists whose items are there once. */
const ONCE =
  'services.*.build.tags services.*.cap_add services.*.cap_drop services.*.links services.*.profiles services.*.expose'

const patterns = (text: string) => text.split(' ').map(patternOf)
const replaced = REPLACED.map(patternOf)
const byName = patterns(BY_NAME)
const once = patterns(ONCE)
const build = patternOf('services.*.build')
const hosts = [patternOf('services.*.build.extra_hosts'), patternOf('services.*.extra_hosts')]
const dependsOn = patternOf('services.*.depends_on')
const named = [patternOf('services.*.networks'), patternOf('services.*.models')]
const limits = [patternOf('services.*.ulimits.*'), patternOf('services.*.logging')]

function patternOf(path: string): RegExp {
  const parts = path.split('.').map((part) => (part === '*' ? '[^\\0]+' : part))
  return new RegExp(`^${parts.join('\\0')}$`)
}

/** What two files say of one thing, by compose's rules: the second says more, or otherwise. */
export function merge(below: ComposeNode, given: ComposeNode, path: readonly string[], report: Report): ComposeNode {
  const base = withoutKeys(below, given)
  const over = given.kind === 'list' ? withoutResetItems(given, path, report) : withoutKeys(given, given)
  const key = path.join('\0')
  const isAt = (some: readonly RegExp[]) => some.some((pattern) => pattern.test(key))
  if (over.tag === 'override') return over
  if (over.kind === 'null') return base
  if (base.kind === 'null' || isAt(replaced)) return over
  if (build.test(key)) return mergeMaps(buildMap(base), buildMap(over), path, report)
  if (isAt(byName)) return unique([...pairsOf(base), ...pairsOf(over)], over)
  if (isAt(hosts)) return distinct([...pairsOf(base), ...pairsOf(over)], over)
  if (dependsOn.test(key)) return mergeMaps(namesMap(base, started), namesMap(over, started), path, report)
  if (isAt(named)) return mergeMaps(namesMap(base, nothing), namesMap(over, nothing), path, report)
  if (isAt(limits) && (base.kind !== 'map' || over.kind !== 'map')) return over
  if (base.kind === 'scalar') return over
  if (base.kind !== over.kind) {
    report(over.at, `Cannot use ${path.join('.')}: its type differs from that in ${base.at.file}:${base.at.line}`)
    return base
  }
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, path, report)
  if (base.kind === 'list' && over.kind === 'list') {
    const items = [...base.items, ...over.items]
    return isAt(once) ? unique(items, over) : { ...over, items }
  }
  return over
}

// Compose takes such an item out of its own list, and leaves those of the files before
function withoutResetItems(list: ComposeNode & { kind: 'list' }, path: readonly string[], report: Report): ComposeNode {
  const first = list.items.find(({ tag }) => tag === 'reset')
  if (!first) return list
  report(
    first.at,
    `"!reset" of an item changes nothing in ${path.join('.')}: it removes a key, not items of earlier files`,
    'Replace the list with !override',
    'warning',
  )
  return { ...list, items: list.items.filter(({ tag }) => tag !== 'reset') }
}

/** A map without the keys that a later file resets; in a list they stay, as in compose. */
function withoutKeys(base: ComposeNode, over: ComposeNode): ComposeNode {
  if (base.kind !== 'map' || over.kind !== 'map') return base
  const isReset = (key: string) => over.entries.get(key)?.value.tag === 'reset'
  return { ...base, entries: new Map([...base.entries].filter(([key]) => !isReset(key))) }
}

function mergeMaps(base: ComposeMap, over: ComposeMap, path: readonly string[], report: Report): ComposeMap {
  const entries = new Map(base.entries)
  for (const [key, { at, value }] of over.entries) {
    const known = entries.get(key)
    if (value.tag === 'reset') entries.delete(key)
    else if (!known) entries.set(key, { at, value })
    else entries.set(key, { at, value: merge(known.value, value, [...path, key], report) })
  }
  return { ...base, entries }
}

/** Without what is reset, which stands for nothing where nothing is below it. */
function withoutResets(node: ComposeNode): ComposeNode {
  if (node.kind === 'list')
    return { ...node, items: node.items.filter(({ tag }) => tag !== 'reset').map((item) => withoutResets(item)) }
  if (node.kind !== 'map') return node
  const left = [...node.entries].filter(([, { value }]) => value.tag !== 'reset')
  return { ...node, entries: new Map(left.map(([key, { at, value }]) => [key, { at, value: withoutResets(value) }])) }
}

/** `build: FOLDER` as keys. */
export function buildMap(node: ComposeNode): ComposeMap {
  return node.kind === 'map' ? node : mapOf([['context', node]], node.at)
}

/** A list of names as keys, each with what such a name stands for. */
function namesMap(node: ComposeNode, valueOf: (item: ComposeNode) => ComposeNode): ComposeMap {
  if (node.kind === 'map') return node
  const items = node.kind === 'list' ? node.items : []
  return mapOf(
    items.map((item) => [textOf(item) ?? '', valueOf(item)] as const),
    node.at,
  )
}

function nothing({ at }: ComposeNode): ComposeNode {
  return { kind: 'null', at }
}

function started({ at }: ComposeNode): ComposeNode {
  return mapOf([['condition', { kind: 'scalar', at, value: 'service_started' }]], at)
}

/** `NAME=VALUE` of a list, or of keys and values in the order of their names. */
export function pairsOf(node: ComposeNode): ComposeNode[] {
  if (node.kind === 'list') return [...node.items]
  if (node.kind === 'scalar') return [node]
  if (node.kind !== 'map') return []
  return [...node.entries]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, { value }]): ComposeNode[] => {
      const values = value.kind === 'list' ? value.items : [value]
      return values.map((one) => ({
        kind: 'scalar',
        at: one.at,
        value: one.kind === 'null' ? key : `${key}=${textOf(one) ?? ''}`,
      }))
    })
}

/** The last item of a name, in the place of the first. */
function unique(items: readonly ComposeNode[], { at }: ComposeNode): ComposeNode {
  const found = new Map(items.map((item) => [(textOf(item) ?? '').split('=')[0]!, item]))
  return { kind: 'list', at, items: [...found.values()] }
}

/** Every item once. */
function distinct(items: readonly ComposeNode[], { at }: ComposeNode): ComposeNode {
  const seen = items.map((item) => textOf(item))
  return { kind: 'list', at, items: items.filter((_, index) => seen.indexOf(seen[index]) === index) }
}

/** A file below another one. */
export function mergeFiles(base: ComposeMap, over: ComposeMap, report: Report): ComposeMap {
  return withoutResets(mergeMaps(base, over, [], report)) as ComposeMap
}

/** A service below the one that extends it. */
export function mergeServices(base: ComposeMap, over: ComposeMap, report: Report): ComposeMap {
  const whole = mergeMaps(base, over, ['services', 'x'], report)
  return withoutResets(whole) as ComposeMap
}
