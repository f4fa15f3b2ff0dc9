import { formatBytes } from './bytes.ts'
import type { ImageTarget, Said } from '../images/target.ts'
import type { ComposeEnv } from './reading.ts'
import { nodeAt, textOf, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { createReaders } from './readers.ts'
import { checkDockerfiles } from './targets.ts'
import { withXXbuild } from './x-xbuild.ts'
import { argsOf, attestOf, cut, hostsOf, maybe, recordOf, saidList, saidOf, ulimitsOf } from './said.ts'
import { pairsOf } from './merge.ts'
import { withXBake } from './x-bake.ts'

/** What services are read with. */
export interface BakeTargetEdges {
  readonly secrets: ComposeNode | undefined
  readonly env: ComposeEnv
  /** The variables of the files that a service names as `env_file`. */
  readonly envFiles: (service: ComposeNode) => ComposeEnv
  readonly report: Report
}

/**
 * The services of compose files as `docker buildx bake` reads them: without what only containers and docker compose
 * itself need, such as its labels and the name that it gives to an image without one.
 */
export function createBakeTargets(services: ComposeMap, edges: BakeTargetEdges): ImageTarget[] {
  const { secrets, env, report } = edges
  const built = [...services.entries].filter(([, { value }]) => nodeAt(value, 'build'))
  const names = new Map(built.map(([name]) => [name, name.replaceAll('.', '_')]))
  const read = createReaders({ services, names, secrets, secretId: 'source', report })
  return built
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, { at, value }]) => {
      const build = nodeAt(value, 'build') as ComposeMap
      const said = (key: string) => saidOf(nodeAt(build, key))
      const list = (key: string) => saidList(nodeAt(build, key))
      const size = read.bytes(nodeAt(build, 'shm_size'))
      warnDropped(build, report)
      checkDockerfiles(service, build, report)
      const target: ImageTarget = {
        name: names.get(service)!,
        at,
        ...maybe('context', said('context')),
        ...maybe('dockerfile', said('dockerfile')),
        ...maybe('dockerfileInline', said('dockerfile_inline')),
        args: argsOf(nodeAt(build, 'args'), { ...env, ...environmentOf(value) }),
        labels: recordOf(nodeAt(build, 'labels')),
        tags: list('tags'),
        platforms: list('platforms'),
        ...maybe('target', said('target')),
        contexts: read.contexts(nodeAt(build, 'additional_contexts')),
        cacheFrom: list('cache_from'),
        cacheTo: list('cache_to'),
        secrets: read.secrets(nodeAt(build, 'secrets')),
        ssh: read.ssh(nodeAt(build, 'ssh')).toSorted((a, b) => (a.value < b.value ? -1 : 1)),
        ...maybe('noCache', onlyOn(read.flag(nodeAt(build, 'no_cache'), 'no_cache'))),
        noCacheFilter: list('no_cache_filter'),
        ...maybe('pull', onlyOn(read.flag(nodeAt(build, 'pull'), 'pull'))),
        ...maybe('network', said('network')),
        ...maybe('shmSize', size && { ...size, value: formatBytes(Number(size.value)) }),
        ulimits: ulimitsOf(nodeAt(build, 'ulimits')),
        extraHosts: hostsOf(nodeAt(build, 'extra_hosts')),
        attest: [...attestOf('sbom', said('sbom')), ...attestOf('provenance', said('provenance'))],
      }
      const full = withXXbuild(withXBake(target, nodeAt(build, 'x-bake'), names), nodeAt(build, 'x-xbuild'))
      const image = saidOf(nodeAt(value, 'image'))
      return (full.tags ?? []).length === 0 && image ? { ...full, tags: [image] } : full
    })

  /** What a container of the service would see: arguments without a value take theirs from it. */
  function environmentOf(service: ComposeNode): ComposeEnv {
    const node = nodeAt(service, 'environment')
    const own = (node ? pairsOf(node) : []).map((pair) => {
      const [name, value = env[name]] = cut(textOf(pair) ?? '')
      return [name, value] as const
    })
    // A name without a value hides what the files say of it
    const all = Object.entries({ ...edges.envFiles(service), ...Object.fromEntries(own) })
    return Object.fromEntries(all.filter((pair): pair is [string, string] => pair[1] !== undefined))
  }
}

function onlyOn(said: Said<boolean> | undefined): Said<boolean> | undefined {
  return said?.value ? said : undefined
}

/** Rights that a compose file asks for do not reach bake; who writes them should know. */
function warnDropped(build: ComposeMap, report: Report): void {
  for (const key of ['privileged', 'entitlements']) {
    const node = nodeAt(build, key)
    const isOn = key === 'privileged' ? /^(?:true|1)$/i.test(textOf(node) ?? '') : node !== undefined
    if (node && isOn)
      report(node.at, `Bake does not read "${key}" of a compose file`, 'Set entitlements in a bake file', 'warning')
  }
}
