import { compact } from '../../compact.ts'
import type { ImageTarget, Said, SaidRecord } from '../images/target.ts'
import { nodeAt, textOf, type ComposeNode } from './node.ts'
import { distinct } from './said.ts'

/** A target with what `x-bake` of its build adds: buildx's attributes that compose has no key for. */
export function withXBake(
  target: ImageTarget,
  node: ComposeNode | undefined,
  targets: ReadonlyMap<string, string>,
): ImageTarget {
  if (node?.kind !== 'map') return target
  const list = (key: string): Said[] => listOf(nodeAt(node, key))
  const added = (own: readonly Said[] | undefined, key: string) => distinct([...(own ?? []), ...list(key)])
  const flag = (key: string, own: Said<boolean> | undefined): Said<boolean> | undefined => {
    const text = textOf(nodeAt(node, key))
    return text === undefined ? own : { value: text === 'true', at: nodeAt(node, key)!.at }
  }
  const pull = flag('pull', target.pull)
  const noCache = flag('no-cache', target.noCache)
  return {
    ...target,
    tags: added(target.tags, 'tags'),
    cacheFrom: added(target.cacheFrom, 'cache-from'),
    cacheTo: added(target.cacheTo, 'cache-to'),
    secrets: added(target.secrets, 'secret'),
    ssh: added(target.ssh, 'ssh'),
    platforms: added(target.platforms, 'platforms'),
    output: added(target.output, 'output'),
    noCacheFilter: added(target.noCacheFilter, 'no-cache-filter'),
    contexts: { ...target.contexts, ...contextsOf(nodeAt(node, 'contexts'), targets) },
    ...compact({ pull, noCache }),
  }
}

/** A list, or words in one text. */
function listOf(node: ComposeNode | undefined): Said[] {
  if (node?.kind === 'list') return node.items.flatMap((item) => [{ value: textOf(item) ?? '', at: item.at }])
  const words = textOf(node)?.split(/\s+/).filter(Boolean) ?? []
  return words.map((value) => ({ value, at: node!.at }))
}

function contextsOf(node: ComposeNode | undefined, targets: ReadonlyMap<string, string>): SaidRecord {
  if (node?.kind !== 'map') return {}
  const contexts = [...node.entries].map(([name, { value }]) => {
    const text = textOf(value) ?? ''
    const [, service] = /^(?:service|target):(.*)$/s.exec(text) ?? []
    const said = service === undefined ? text : `target:${targets.get(service) ?? service}`
    return [name, { value: said, at: value.at }] as const
  })
  return Object.fromEntries(contexts)
}
