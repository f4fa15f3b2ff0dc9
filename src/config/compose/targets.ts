import { suggestionHint } from '../../did-you-mean.ts'
import { toXbuildError, type SourcePosition } from '../../errors.ts'
import { joinPath } from '../images/paths.ts'
import type { ImageTarget, Said, SaidRecord } from '../images/target.ts'
import { parseSize } from '../store-values.ts'
import { withXBake } from './x-bake.ts'
import { textsOf, type ComposeEnv } from './load.ts'
import { pairsOf } from './merge.ts'
import { nodeAt, textOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { isRemotePath } from './place.ts'

/** What services are read with. */
export interface TargetEdges {
  readonly project: string
  /** The project's folder. */
  readonly folder: string
  /** The top-level secrets. */
  readonly secrets: ComposeNode | undefined
  readonly env: ComposeEnv
  readonly report: Report
}

/** The image of every service that is built, and its name by that of the service. */
export function createTargets(
  services: ComposeMap,
  edges: TargetEdges,
): { readonly targets: readonly ImageTarget[]; readonly targetOf: ReadonlyMap<string, string> } {
  const built = [...services.entries].filter(([, { value }]) => nodeAt(value, 'build'))
  const targetOf = targetNames([...services.entries.keys()])
  const names = new Map(built.map(([name]) => [name, targetOf.get(name)!]))
  const targets = built.map(([name, { at, value }]) => targetFor(name, at, value as ComposeMap))
  return { targets, targetOf: names }

  function targetFor(service: string, at: SourcePosition, value: ComposeMap): ImageTarget {
    const { project, env, report } = edges
    const build = nodeAt(value, 'build') as ComposeMap
    const said = (key: string) => saidOf(nodeAt(build, key))
    const list = (key: string) => saidList(nodeAt(build, key))
    const context = said('context') ?? { value: edges.folder, at: build.at }
    const [dockerfile, dockerfileInline] = [said('dockerfile'), said('dockerfile_inline')]
    if (dockerfile && dockerfileInline)
      report(dockerfileInline.at!, `Cannot build "${service}": dockerfile and dockerfile_inline exclude each other`)
    // A name that no file says has no place
    const image = saidOf(nodeAt(value, 'image')) ?? { value: `${project}-${service}` }
    const isolation = said('isolation')
    if (isolation && isolation.value !== 'default')
      report(
        isolation.at!,
        `The isolation "${isolation.value}" is ignored: it exists only on Windows`,
        undefined,
        'warning',
      )
    const target: ImageTarget = {
      name: names.get(service)!,
      at,
      context,
      ...maybe('dockerfile', dockerfileInline ? undefined : dockerfilePath(dockerfile, context)),
      ...maybe('dockerfileInline', dockerfileInline),
      args: argsOf(nodeAt(build, 'args'), env),
      labels: {
        ...recordOf(nodeAt(build, 'labels')),
        'com.docker.compose.project': { value: project },
        'com.docker.compose.service': { value: service },
      },
      tags: distinct([...list('tags'), image]),
      platforms: platformsOf(service, value),
      ...maybe('target', said('target')),
      contexts: contextsOf(nodeAt(build, 'additional_contexts')),
      cacheFrom: list('cache_from'),
      cacheTo: list('cache_to'),
      secrets: secretsOf(nodeAt(build, 'secrets')),
      ssh: sshOf(nodeAt(build, 'ssh')),
      ...maybe('noCache', switchOf(nodeAt(build, 'no_cache'), 'no_cache')),
      noCacheFilter: list('no_cache_filter'),
      ...maybe('pull', switchOf(nodeAt(build, 'pull'), 'pull')),
      ...maybe('network', said('network')),
      ...maybe('shmSize', bytesOf(nodeAt(build, 'shm_size'))),
      ulimits: ulimitsOf(nodeAt(build, 'ulimits')),
      extraHosts: hostsOf(nodeAt(build, 'extra_hosts')),
      entitlements: entitlementsOf(build),
      attest: [...attestOf('provenance', said('provenance')), ...attestOf('sbom', said('sbom'))],
    }
    return withXBake(target, nodeAt(build, 'x-bake'), names)
  }

  /** `DOCKER_DEFAULT_PLATFORM` where the service says nothing; what it says must be among those of the build. */
  function platformsOf(service: string, value: ComposeMap): readonly Said[] {
    const own = saidOf(nodeAt(value, 'platform'))
    const fallback = edges.env['DOCKER_DEFAULT_PLATFORM'] || undefined
    const node = nodeAt(value, 'build', 'platforms')
    const platforms = saidList(node)
    const wanted = own?.value ?? fallback
    if (wanted === undefined) return platforms
    if (platforms.length === 0) return [{ value: wanted, at: own?.at ?? value.at }]
    if (!platforms.some((platform) => platform.value === wanted))
      edges.report(
        own?.at ?? node!.at,
        `Cannot build "${service}" for "${wanted}": it is not among the platforms of its build`,
        own ? 'Add it to build.platforms' : 'DOCKER_DEFAULT_PLATFORM says so: unset it, or add it to build.platforms',
      )
    return platforms
  }

  function contextsOf(node: ComposeNode | undefined): SaidRecord {
    const contexts = Object.entries(recordOf(node)).map(([name, said]) => {
      if (!said.value.startsWith('service:')) return [name, said] as const
      const service = said.value.slice('service:'.length)
      const target = names.get(service)
      if (target === undefined) {
        const state = services.entries.has(service) ? 'that service has no build' : 'there is no such service'
        const message = `Cannot use the context "${name}" from the service "${service}": ${state}`
        edges.report(said.at!, message, suggestionHint(service, names.keys()))
      }
      return [name, { ...said, value: `target:${target ?? service}` }] as const
    })
    return Object.fromEntries(contexts)
  }

  function secretsOf(node: ComposeNode | undefined): Said[] {
    return (node?.kind === 'list' ? node.items : []).flatMap((item) => {
      const source = textOf(item) ?? textOf(nodeAt(item, 'source')) ?? ''
      const id = textOf(nodeAt(item, 'target')) ?? source
      const secret = nodeAt(edges.secrets, source)
      const fail = (state: string, hint?: string): [] => {
        edges.report(item.at, `Cannot use the secret "${source}": ${state}`, hint)
        return []
      }
      if (['uid', 'gid', 'mode'].some((key) => nodeAt(item, key)))
        edges.report(
          item.at,
          `The owner and the mode of the secret "${source}" are those of RUN --mount=type=secret, not of the compose file`,
          undefined,
          'warning',
        )
      if (!secret) {
        const known = edges.secrets?.kind === 'map' ? edges.secrets.entries.keys() : []
        return fail('it is not among the secrets of the file', suggestionHint(source, known))
      }
      const variable = textOf(nodeAt(secret, 'environment'))
      const file = textOf(nodeAt(secret, 'file'))
      if (variable !== undefined) return [{ value: csv({ id, type: 'env', env: variable }), at: item.at }]
      if (file !== undefined) return [{ value: csv({ id, type: 'file', src: file }), at: item.at }]
      return fail('it is external: an engine holds it', 'Give it a file or a variable of the environment')
    })
  }

  function sshOf(node: ComposeNode | undefined): Said[] {
    return (node ? pairsOf(node) : []).map((pair) => {
      const value = (textOf(pair) ?? '').replace(/=$/, '')
      if (!value.includes('=') && value !== 'default')
        edges.report(pair.at, `Cannot use the ssh key "${value}": it has no path`, `Write ${value}=SOCKET or KEYFILE`)
      return { value, at: pair.at }
    })
  }

  function entitlementsOf(build: ComposeMap): Said[] {
    const privileged = switchOf(nodeAt(build, 'privileged'), 'privileged')
    const own = saidList(nodeAt(build, 'entitlements'))
    return privileged?.value ? distinct([...own, { value: 'security.insecure', at: privileged.at }]) : own
  }

  function switchOf(node: ComposeNode | undefined, key: string): Said<boolean> | undefined {
    const text = textOf(node)?.toLowerCase()
    if (text === undefined) return undefined
    if (['true', 'y', 'yes', 'on', '1', 't'].includes(text)) return { value: true, at: node!.at }
    if (!['false', 'n', 'no', 'off', '0', 'f', ''].includes(text))
      edges.report(node!.at, `Cannot use ${key} "${text}": neither true nor false`)
    return { value: false, at: node!.at }
  }

  function bytesOf(node: ComposeNode | undefined): Said | undefined {
    const text = textOf(node)
    if (text === undefined) return undefined
    try {
      return { value: String(parseSize(text, 'shm_size')), at: node!.at }
    } catch (thrown) {
      const { message, hint } = toXbuildError(thrown)
      edges.report(node!.at, message, hint)
      return undefined
    }
  }
}

/** Names without dots; of those that come to the same the later ones get another `_`. */
function targetNames(services: readonly string[]): Map<string, string> {
  const used = new Set<string>()
  const names = services.toSorted().map((service) => {
    let name = service.replaceAll('.', '_')
    while (used.has(name)) name += '_'
    used.add(name)
    return [service, name] as const
  })
  return new Map(names)
}

/** The file in the context, as a path of its own where the context is a folder. */
function dockerfilePath(dockerfile: Said | undefined, context: Said): Said | undefined {
  if (!dockerfile || isRemotePath(context.value) || isRemotePath(dockerfile.value)) return dockerfile
  return { ...dockerfile, value: joinPath(context.value, dockerfile.value) }
}

/** `NAME` alone takes the value of the project's environment, and is left out where there is none. */
function argsOf(node: ComposeNode | undefined, env: ComposeEnv): SaidRecord {
  const pairs = (node ? pairsOf(node) : []).flatMap((pair) => {
    const [name, value] = cut(textOf(pair) ?? '')
    const found = value ?? env[name]
    return found === undefined ? [] : [[name, { value: found, at: pair.at }] as const]
  })
  return Object.fromEntries(pairs)
}

function recordOf(node: ComposeNode | undefined): SaidRecord {
  const pairs = (node ? pairsOf(node) : []).map((pair) => {
    const [name, value = ''] = cut(textOf(pair) ?? '')
    return [name, { value, at: pair.at }] as const
  })
  return Object.fromEntries(pairs)
}

/** `NAME=IP` or `NAME:IP`. */
function hostsOf(node: ComposeNode | undefined): SaidRecord {
  const found = new Map<string, Said>()
  for (const pair of node ? pairsOf(node) : []) {
    const text = textOf(pair) ?? ''
    const [, name = text, address = ''] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? []
    const ip = address.replace(/^\[(.*)\]$/, '$1')
    const known = found.get(name.trim())
    found.set(name.trim(), { value: known ? `${known.value},${ip}` : ip, at: pair.at })
  }
  return Object.fromEntries(found)
}

function ulimitsOf(node: ComposeNode | undefined): Said[] {
  if (node?.kind !== 'map') return []
  return [...node.entries].map(([name, { value }]) => {
    const single = textOf(value)
    const limits = single ?? `${textOf(nodeAt(value, 'soft')) ?? '0'}:${textOf(nodeAt(value, 'hard')) ?? '0'}`
    return { value: `${name}=${limits}`, at: value.at }
  })
}

function attestOf(type: string, said: Said | undefined): Said[] {
  if (!said) return []
  const { value, at } = said
  if (value === 'true') return [{ value: `type=${type}`, at }]
  return [{ value: value === 'false' ? `type=${type},disabled=true` : `type=${type},${value}`, at }]
}

function saidOf(node: ComposeNode | undefined): Said | undefined {
  const value = textOf(node)
  return value === undefined || value === '' ? undefined : { value, at: node!.at }
}

function saidList(node: ComposeNode | undefined): Said[] {
  const items = node?.kind === 'list' ? node.items : node ? [node] : []
  return items.flatMap((item) => textsOf(item).map((value) => ({ value, at: item.at })))
}

/** Every value once, where it stands first. */
export function distinct(list: readonly Said[]): Said[] {
  const values = list.map(({ value }) => value)
  return list.filter(({ value }, index) => values.indexOf(value) === index)
}

function cut(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf('=')
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** One line of fields; what holds commas or quotes is quoted. */
function csv(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([key, value]) => {
      const field = `${key}=${value}`
      return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
    })
    .join(',')
}

function maybe<K extends string, T>(key: K, value: T | undefined): { [k in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [k in K]?: T }
}
