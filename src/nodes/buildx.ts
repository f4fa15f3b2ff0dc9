import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Endpoint, looksLikeEndpoint, parseEndpoint } from '../config/endpoint.ts'
import type { NodeDefinition } from '../config/node.ts'
import { XbuildError } from '../errors.ts'
import { normalizePlatform, type Platform } from '../platform.ts'
import { dockerContext, dockerFolder, readJson, type Environment } from './docker-config.ts'

/** The image that buildx itself takes when nobody names one. */
const BUILDX_IMAGE = 'moby/buildkit:buildx-stable-1'

/**
 * The nodes of a buildx builder; undefined when there is none of that name. Throws BAD_OPTION when it cannot be used.
 */
export async function buildxBuilder(name: string, env: Environment): Promise<readonly NodeDefinition[] | undefined> {
  if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) return undefined
  const instance = (await readJson(join(instances(env), name))) as Instance | undefined
  if (!instance) return undefined
  const nodes = Array.isArray(instance.Nodes) ? instance.Nodes : []
  if (nodes.length === 0) throw unusable(name, 'it has no nodes')
  return Promise.all(
    nodes.map(async (node): Promise<NodeDefinition> => {
      const platforms = platformsOf(node)
      return {
        name: String(node.Name ?? name),
        endpoint: await endpointOf(name, instance.Driver, node, env),
        ...(platforms.length > 0 ? { platforms } : {}),
        origin: `buildx builder "${name}"`,
      }
    }),
  )
}

/** Names of all buildx builders, for suggestions. */
export async function buildxBuilders(env: Environment): Promise<readonly string[]> {
  return (await readdir(instances(env)).catch((): string[] => [])).sort()
}

/** A file of `instances/`, as buildx writes it; others may have written anything. */
interface Instance {
  readonly Driver?: unknown
  readonly Nodes?: readonly InstanceNode[]
}

interface InstanceNode {
  readonly Name?: unknown
  readonly Endpoint?: unknown
  readonly Platforms?:
    | readonly { readonly os?: unknown; readonly architecture?: unknown; readonly variant?: unknown }[]
    | null
  readonly DriverOpts?: Readonly<Record<string, string>> | null
}

function instances(env: Environment): string {
  return join(env['BUILDX_CONFIG'] || join(dockerFolder(env), 'buildx'), 'instances')
}

async function endpointOf(builder: string, driver: unknown, node: InstanceNode, env: Environment): Promise<Endpoint> {
  const place = String(node.Endpoint ?? '')
  const label = `endpoint of buildx builder "${builder}"`
  const options = node.DriverOpts ?? {}
  switch (driver) {
    case 'docker-container':
      return {
        kind: 'container',
        name: `buildx_buildkit_${String(node.Name)}`,
        context: place,
        image: options['image'] ?? BUILDX_IMAGE,
        ...(options['network'] ? { network: options['network'] } : {}),
      }
    case 'remote':
      return withTls(parseEndpoint(place, label), options)
    case 'docker': {
      const endpoint = looksLikeEndpoint(place) ? parseEndpoint(place, label) : await dockerContext(place, env)
      if (!endpoint) throw unusable(builder, `there is no Docker context "${place}"`)
      return endpoint
    }
    default:
      throw unusable(
        builder,
        `xbuild does not know its driver "${String(driver)}"`,
        driver === 'kubernetes' ? 'Name its pods: --builder kube-pod://POD?namespace=NAME' : undefined,
      )
  }
}

function withTls(endpoint: Endpoint, { cacert, cert, key, servername }: Readonly<Record<string, string>>): Endpoint {
  if (endpoint.kind !== 'tcp' || (!cacert && !cert && !key && !servername)) return endpoint
  return {
    ...endpoint,
    tls: {
      ...endpoint.tls,
      ...(cacert ? { ca: cacert } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(servername ? { servername } : {}),
    },
  }
}

function platformsOf(node: InstanceNode): Platform[] {
  return (Array.isArray(node.Platforms) ? node.Platforms : []).flatMap(({ os, architecture, variant }) =>
    typeof os === 'string' && typeof architecture === 'string'
      ? [normalizePlatform({ os, architecture, ...(typeof variant === 'string' && variant ? { variant } : {}) })]
      : [],
  )
}

function unusable(name: string, state: string, hint?: string): XbuildError {
  return new XbuildError('BAD_OPTION', `Cannot use buildx builder "${name}": ${state}`, {
    hint: hint ?? `See docker buildx inspect ${name}`,
  })
}
