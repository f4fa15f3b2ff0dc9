import type { SourcePosition } from '../../errors.ts'
import { joinPath } from '../images/paths.ts'
import type { ImageTarget, Said } from '../images/target.ts'
import type { ComposeEnv } from './reading.ts'
import { nodeAt, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { isRemotePath } from './place.ts'
import { createReaders } from './readers.ts'
import { argsOf, attestOf, distinct, hostsOf, maybe, recordOf, saidList, saidOf, ulimitsOf } from './said.ts'
import { withXBake } from './x-bake.ts'
import { withXXbuild } from './x-xbuild.ts'

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
  const { secrets, report } = edges
  const read = createReaders({ services, names, secrets, secretId: 'target', report })
  const targets = built.map(([name, { at, value }]) => targetFor(name, at, value as ComposeMap))
  return { targets, targetOf: names }

  function targetFor(service: string, at: SourcePosition, value: ComposeMap): ImageTarget {
    const { project, env } = edges
    const build = nodeAt(value, 'build') as ComposeMap
    const said = (key: string) => saidOf(nodeAt(build, key))
    const list = (key: string) => saidList(nodeAt(build, key))
    const context = said('context') ?? { value: edges.folder, at: build.at }
    const [dockerfile, dockerfileInline] = [said('dockerfile'), said('dockerfile_inline')]
    checkDockerfiles(service, build, report)
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
      contexts: read.contexts(nodeAt(build, 'additional_contexts')),
      cacheFrom: list('cache_from'),
      cacheTo: list('cache_to'),
      secrets: read.secrets(nodeAt(build, 'secrets')),
      ssh: read.ssh(nodeAt(build, 'ssh')),
      ...maybe('noCache', read.flag(nodeAt(build, 'no_cache'), 'no_cache')),
      noCacheFilter: list('no_cache_filter'),
      ...maybe('pull', read.flag(nodeAt(build, 'pull'), 'pull')),
      ...maybe('network', said('network')),
      ...maybe('shmSize', read.bytes(nodeAt(build, 'shm_size'))),
      ulimits: ulimitsOf(nodeAt(build, 'ulimits')),
      extraHosts: hostsOf(nodeAt(build, 'extra_hosts')),
      entitlements: entitlementsOf(build),
      attest: [...attestOf('provenance', said('provenance')), ...attestOf('sbom', said('sbom'))],
    }
    return withXXbuild(withXBake(target, nodeAt(build, 'x-bake'), names), nodeAt(build, 'x-xbuild'))
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

  function entitlementsOf(build: ComposeMap): Said[] {
    const privileged = read.flag(nodeAt(build, 'privileged'), 'privileged')
    const own = saidList(nodeAt(build, 'entitlements'))
    return privileged?.value ? distinct([...own, { value: 'security.insecure', at: privileged.at }]) : own
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

/** Reports a build that says both what its Dockerfile is, and where. */
export function checkDockerfiles(service: string, build: ComposeMap, report: Report): void {
  const inline = saidOf(nodeAt(build, 'dockerfile_inline'))
  if (inline && saidOf(nodeAt(build, 'dockerfile')))
    report(inline.at!, `Cannot build "${service}": dockerfile and dockerfile_inline exclude each other`)
}

/** The file in the context, as a path of its own where the context is a folder. */
function dockerfilePath(dockerfile: Said | undefined, context: Said): Said | undefined {
  if (!dockerfile || isRemotePath(context.value) || isRemotePath(dockerfile.value)) return dockerfile
  return { ...dockerfile, value: joinPath(context.value, dockerfile.value) }
}
