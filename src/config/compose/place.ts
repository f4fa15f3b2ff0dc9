import { compact } from '../../compact.ts'
import { isAbsolutePath, joinPath } from '../images/paths.ts'
import { buildMap, pairsOf } from './merge.ts'
import { nodeAt, textOf, withEntry, type ComposeMap, type ComposeNode } from './node.ts'

/** Whether a context is not a folder of this machine, by compose's rules. */
export function isRemotePath(path: string): boolean {
  return path.includes('://') || path.startsWith('service:') || /^(?:github\.com\/|git@)/.test(path)
}

/** Paths of a file become absolute: relative ones begin in `folder`, `~` is `home`. */
export function placePaths(file: ComposeMap, folder: string, home: string | undefined): ComposeMap {
  const services = nodeAt(file, 'services')
  const secrets = nodeAt(file, 'secrets')
  let placed = file
  if (services?.kind === 'map') placed = withEntry(placed, 'services', eachOf(services, placeService))
  if (secrets?.kind === 'map')
    placed = withEntry(
      placed,
      'secrets',
      eachOf(secrets, (secret) => changed(secret, 'file', path)),
    )
  return placed

  function placeService(given: ComposeMap): ComposeMap {
    const service = changed(changed(given, 'env_file', envFiles), 'label_file', envFiles)
    const build = nodeAt(service, 'build')
    if (!build) return service
    const map = buildMap(build)
    const withPaths = changed(changed(changed(map, 'context', context), 'additional_contexts', contexts), 'ssh', ssh)
    return withEntry(service, 'build', { ...withPaths, ...tagOf(build) })
  }

  function path(node: ComposeNode): ComposeNode {
    const text = textOf(node)
    return text === undefined || text === '' ? node : { kind: 'scalar', at: node.at, value: absolute(text) }
  }

  function envFiles(node: ComposeNode): ComposeNode {
    if (node.kind === 'list') return { ...node, items: node.items.map(envFiles) }
    return node.kind === 'map' ? changed(node, 'path', path) : path(node)
  }

  function context(node: ComposeNode): ComposeNode {
    return isRemotePath(textOf(node) ?? '') ? node : path(node)
  }

  function contexts(node: ComposeNode): ComposeNode {
    const change = (value: string) => (isRemotePath(value) ? value : absolute(value))
    return node.kind === 'map' ? ofMap(node, change) : pairs(node, change)
  }

  function ssh(node: ComposeNode): ComposeNode {
    return pairs(node, (value) => (value === '' ? value : absolute(value)))
  }

  function pairs(node: ComposeNode, change: (value: string) => string): ComposeNode {
    const items = pairsOf(node).map((item): ComposeNode => {
      const text = textOf(item) ?? ''
      const equals = text.indexOf('=')
      if (equals === -1) return item
      return { kind: 'scalar', at: item.at, value: `${text.slice(0, equals + 1)}${change(text.slice(equals + 1))}` }
    })
    return { kind: 'list', at: node.at, items, ...tagOf(node) }
  }

  // A map stays one, for a later file to reset a key of it
  function ofMap(map: ComposeMap, change: (value: string) => string): ComposeMap {
    const changeOne = (node: ComposeNode): ComposeNode => {
      if (node.kind === 'list') return { ...node, items: node.items.map(changeOne) }
      const text = textOf(node)
      return text === undefined ? node : { kind: 'scalar', at: node.at, value: change(text), ...tagOf(node) }
    }
    const entries = [...map.entries].map(([key, { at, value }]) => [key, { at, value: changeOne(value) }] as const)
    return { ...map, entries: new Map(entries) }
  }

  function absolute(text: string): string {
    if (home !== undefined && (text === '~' || text.startsWith('~/'))) return joinPath(home, `.${text.slice(1)}`)
    return isAbsolutePath(text) ? joinPath('/', text) : joinPath(folder, text)
  }
}

/** Services that are built and name no context are built in `folder`. */
export function withContexts(file: ComposeMap, folder: string): ComposeMap {
  const services = nodeAt(file, 'services')
  if (services?.kind !== 'map') return file
  const withContext = (service: ComposeMap) => {
    const build = nodeAt(service, 'build')
    if (build?.kind !== 'map' || nodeAt(build, 'context')) return service
    return withEntry(service, 'build', withEntry(build, 'context', { kind: 'scalar', at: build.at, value: folder }))
  }
  return withEntry(file, 'services', eachOf(services, withContext))
}

function tagOf({ tag }: ComposeNode): Pick<ComposeNode, 'tag'> {
  return compact({ tag })
}

function changed(map: ComposeMap, key: string, change: (node: ComposeNode) => ComposeNode): ComposeMap {
  const node = nodeAt(map, key)
  return node && node.tag !== 'reset' ? withEntry(map, key, change(node)) : map
}

function eachOf(map: ComposeMap, change: (value: ComposeMap) => ComposeMap): ComposeMap {
  const entries = [...map.entries].map(
    ([key, { at, value }]) => [key, { at, value: value.kind === 'map' ? change(value) : value }] as const,
  )
  return { ...map, entries: new Map(entries) }
}
