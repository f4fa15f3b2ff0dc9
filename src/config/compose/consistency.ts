import { suggestionHint } from '../../did-you-mean.ts'
import { checkContainers } from './container-consistency.ts'
import { checkPairs } from './pair-consistency.ts'
import { checkSections } from './section-consistency.ts'
import { pairsOf } from './merge.ts'
import { nodeAt, textOf, textsOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'

/** What a service names, and where it names it. */
export interface Need {
  readonly name: string
  readonly place: ComposeNode
  /** It may be switched off. */
  readonly isOptional?: boolean
}

/** The services that a container needs: by `depends_on`, by its links, and those whose namespaces or volumes it has. */
export function dependenciesOf(service: ComposeNode | undefined): Need[] {
  const named = (key: string, pattern: RegExp) => {
    const node = nodeAt(service, key)
    return (node?.kind === 'list' ? node.items : node?.kind === 'scalar' ? [node] : []).flatMap((place): Need[] => {
      const match = pattern.exec(textOf(place) ?? '')
      const name = match?.[1] ?? match?.[2]
      return name === undefined ? [] : [{ name, place }]
    })
  }
  const node = nodeAt(service, 'depends_on')
  const entries = node?.kind === 'map' ? [...node.entries] : []
  return [
    ...named('depends_on', /^(.*)$/s),
    ...entries.map(([name, { value }]) => ({
      name,
      place: value,
      isOptional: textOf(nodeAt(value, 'required')) === 'false',
    })),
    ...named('links', /^([^:]*)(?::[^:]*)?$|^(.*)$/s),
    ...['network_mode', 'ipc', 'pid', 'uts', 'cgroup'].flatMap((key) => named(key, /^service:(.+)$/)),
    ...named('volumes_from', /^(?!container:)([^:]*)/),
  ]
}

/** The services whose images a service's image is made from. */
export function contextServicesOf(service: ComposeNode | undefined): Need[] {
  const node = nodeAt(service, 'build', 'additional_contexts')
  return (node ? pairsOf(node) : []).flatMap((place) => {
    const name = /^[^=]*=service:(.*)$/s.exec(textOf(place) ?? '')?.[1]
    return name === undefined ? [] : [{ name, place }]
  })
}

/** Reports what does not hold between the parts of a project; services that are switched off need nothing. */
export function checkConsistency(
  file: ComposeMap,
  services: ComposeMap,
  isOn: (name: string) => boolean,
  report: Report,
): void {
  const on = [...services.entries].filter(([name]) => isOn(name))
  checkSources({ ...services, entries: new Map(on) }, report)
  for (const [name, { value }] of on) {
    checkContainers(name, value, report)
    for (const need of dependenciesOf(value)) needService(need, 'depend on')
    for (const need of contextServicesOf(value))
      if (services.entries.has(need.name)) needService(need, 'take a context from')
    const mode = nodeAt(value, 'network_mode')
    const networks = namesIn(nodeAt(value, 'networks'))
    if (mode && networks.length > 0)
      report(mode.at, `Cannot use the service "${name}": network_mode and networks exclude each other`)
    needSection(
      'network',
      networks.filter((network) => network.name !== 'default'),
    )
    needSection('volume', volumesOf(value))
    for (const kind of ['config', 'secret']) needSection(kind, namesIn(nodeAt(value, `${kind}s`)))
    needSection('model', namesIn(nodeAt(value, 'models')))
  }
  checkPairs(services, report)
  checkSections(file, report)
  checkCircles(new Map(on.map(([name, { value }]) => [name, dependenciesOf(value)])), report)

  function needService({ name, place, isOptional }: Need, what: string): void {
    const service = services.entries.get(name)
    if (!service)
      report(
        place.at,
        `Cannot ${what} "${name}": there is no such service`,
        suggestionHint(name, services.entries.keys()),
      )
    else if (!isOn(name) && !isOptional)
      report(
        place.at,
        `Cannot ${what} "${name}": that service is switched off`,
        `Switch it on with --profile ${textsOf(nodeAt(service.value, 'profiles'))[0] ?? name}`,
      )
  }

  function needSection(kind: string, needs: readonly Need[]): void {
    const section = nodeAt(file, `${kind}s`)
    const known = section?.kind === 'map' ? [...section.entries.keys()] : []
    for (const { name, place } of needs)
      if (!known.includes(name))
        report(
          place.at,
          `Cannot use the ${kind} "${name}": it is not among the ${kind}s of the file`,
          suggestionHint(name, known),
        )
  }
}

/** The names of a list, of the sources of its items, or of keys. */
function namesIn(node: ComposeNode | undefined): Need[] {
  if (node?.kind === 'map') return [...node.entries].map(([name, { at, value }]) => ({ name, place: { ...value, at } }))
  return (node?.kind === 'list' ? node.items : []).flatMap((place) => {
    return [{ name: textOf(place) ?? textOf(nodeAt(place, 'source')) ?? '', place }]
  })
}

/** Volumes that a service mounts by their names; folders of the machine have none. */
function volumesOf(service: ComposeNode): Need[] {
  const node = nodeAt(service, 'volumes')
  return (node?.kind === 'list' ? node.items : []).flatMap((place): Need[] => {
    const isVolume = textOf(nodeAt(place, 'type')) === 'volume'
    const name = isVolume
      ? textOf(nodeAt(place, 'source'))
      : /^([a-zA-Z0-9][a-zA-Z0-9_.-]+):./.exec(textOf(place) ?? '')?.[1]
    return name ? [{ name, place }] : []
  })
}

/** Reports services that have no image. */
export function checkSources(services: ComposeMap, report: Report): void {
  for (const [name, { at, value }] of services.entries)
    if (!textOf(nodeAt(value, 'image')) && !nodeAt(value, 'build') && !nodeAt(value, 'provider'))
      report(at, `Cannot use the service "${name}": it has neither image nor build`)
}

function checkCircles(needs: ReadonlyMap<string, readonly Need[]>, report: Report): void {
  const done = new Set<string>()
  const enter = (name: string) => ({ name, rest: (needs.get(name) ?? []).values() })
  for (const start of [...needs.keys()].toSorted()) {
    const path = done.has(start) ? [] : [enter(start)]
    const within = new Set([start])
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { value: need } = top.rest.next()
      if (!need) {
        done.add(top.name)
        within.delete(top.name)
        path.pop()
      } else if (within.has(need.name)) {
        const names = path.map(({ name }) => name)
        const circle = [...names.slice(names.indexOf(need.name)), need.name].join(' -> ')
        report(need.place.at, `Cannot depend on "${need.name}": it depends on itself (${circle})`)
        return
      } else if (!done.has(need.name)) {
        within.add(need.name)
        path.push(enter(need.name))
      }
    }
  }
}
