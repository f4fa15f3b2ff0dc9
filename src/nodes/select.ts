import { distinctBy } from '../distinct.ts'
import { formatEndpoint, looksLikeEndpoint, parseEndpoint } from '../config/endpoint.ts'
import { LOCAL_NODE, type NodeDefinition } from '../config/node.ts'
import { XbuildError } from '../errors.ts'
import { suggest } from '../did-you-mean.ts'
import { buildxBuilder, buildxBuilders } from './buildx.ts'
import { buildkitHost, dockerContext, dockerContexts, dockerHost, type Environment } from './docker-config.ts'
import { readSavedNodes, type SavedNodes } from './saved.ts'

/** What decides which nodes take part. */
export interface Selection {
  /** What `--builder` said. */
  readonly named: readonly string[]
  /** The `nodes:` of xbuild.yaml. */
  readonly configured: readonly NodeDefinition[]
  readonly env: Environment
}

/**
 * The nodes of a build. Those that were named, and no others; without names: this machine, the nodes of xbuild.yaml,
 * those of
 * `xbuild node use`, BUILDKIT_HOST and DOCKER_HOST. Docker contexts and buildx builders take part when they are named
 * or used. Throws
 * BAD_OPTION for a name that nobody knows.
 */
export async function selectNodes({ named, configured, env }: Selection): Promise<readonly NodeDefinition[]> {
  const saved = await readSavedNodes(env)
  const resolve = (name: string) => resolveName(name, { configured, saved, env })
  if (named.length > 0) return distinct((await Promise.all(named.map(resolve))).flat())
  const [fromUse, fromEnv] = [(await Promise.all(saved.used.map(resolve))).flat(), environmentNodes(env)]
  return distinct([LOCAL_NODE, ...configured, ...fromUse, ...fromEnv])
}

/** Everything that could be named: for `xbuild node ls`. */
export async function knownNodes({ configured, env }: Omit<Selection, 'named'>): Promise<readonly NodeDefinition[]> {
  const saved = await readSavedNodes(env)
  return distinct([LOCAL_NODE, ...configured, ...saved.nodes, ...(await selectNodes({ named: [], configured, env }))])
}

interface Known {
  readonly configured: readonly NodeDefinition[]
  readonly saved: SavedNodes
  readonly env: Environment
}

async function resolveName(name: string, { configured, saved, env }: Known): Promise<readonly NodeDefinition[]> {
  if (name === 'local') return [LOCAL_NODE]
  const known = [...configured, ...saved.nodes].find((node) => node.name === name)
  if (known) return [known]
  if (looksLikeEndpoint(name)) {
    const endpoint = parseEndpoint(name, '--builder')
    return [{ name: formatEndpoint(endpoint).replace(/\?.*$/s, ''), endpoint, origin: 'named by its endpoint' }]
  }
  const builder = await buildxBuilder(name, env)
  if (builder) return builder
  const endpoint = await dockerContext(name, env)
  if (endpoint) return [{ name, endpoint, origin: `Docker context "${name}"` }]
  throw await unknown(name, { configured, saved, env })
}

async function unknown(name: string, { configured, saved, env }: Known): Promise<XbuildError> {
  const own = ['local', ...[...configured, ...saved.nodes].map((node) => node.name)]
  const names = [...own, ...(await buildxBuilders(env)), ...(await dockerContexts(env))]
  const near = suggest(name, names)
  return new XbuildError(
    'BAD_OPTION',
    `Cannot use node "${name}": there is no node, buildx builder or Docker context of that name`,
    {
      hint: near ? `Did you mean "${near}"?` : `Add it with xbuild node add ${name} ENDPOINT`,
    },
  )
}

function environmentNodes(env: Environment): NodeDefinition[] {
  const [buildkit, docker] = [buildkitHost(env), dockerHost(env)]
  return [
    ...(buildkit ? [{ name: 'buildkit-host', endpoint: buildkit, origin: 'BUILDKIT_HOST' }] : []),
    ...(docker ? [{ name: 'docker-host', endpoint: docker, origin: 'DOCKER_HOST' }] : []),
  ]
}

/** One entry per endpoint, the first; and names that tell them apart. */
function distinct(nodes: readonly NodeDefinition[]): NodeDefinition[] {
  const kept = distinctBy(nodes, ({ endpoint }) => formatEndpoint(endpoint))
  const taken = new Set<string>()
  return kept.map((node) => {
    let name = node.name
    for (let n = 2; taken.has(name); n++) name = `${node.name}-${n}`
    taken.add(name)
    return { ...node, name }
  })
}
