import { parseReference, type Reference } from '../../oci/reference.ts'
import type { Platform } from '../../platform.ts'
import { readsOf } from '../../provenance/reads.ts'
import { pullEndpoints, registryEndpoint } from '../../registry/endpoint.ts'
import type { RemoteBuild } from '../remote-build.ts'

/** The registries that builds name, and what a node that builds them may do there. */
export interface NamedRegistries {
  /** Adds what a build names: images it starts from, contexts, caches, its frontend. */
  add(build: RemoteBuild): void
  has(host: string): boolean
  /** Of what is asked for, what a build needs; both are scopes of token services, `repository:NAME:pull,push`. */
  allowed(host: string, scopes: readonly string[]): readonly string[]
}

type Right = 'pull' | 'push'

/** `pushTo` is the repository, `host/name`, that the node itself pushes results to. */
export function createNamedRegistries({
  buildPlatform,
  pushTo,
}: {
  readonly buildPlatform: Platform | undefined
  readonly pushTo?: string | undefined
}): NamedRegistries {
  const hosts = new Map<string, Map<string, Set<Right>>>()

  function allow({ host, repository }: Reference, ...rights: readonly Right[]): void {
    const repositories = hosts.get(host) ?? new Map<string, Set<Right>>()
    hosts.set(host, repositories)
    repositories.set(repository, new Set([...(repositories.get(repository) ?? []), ...rights]))
  }

  return {
    add(build) {
      const { registries, cacheTo } = build.options
      for (const ref of pulledBy(build, buildPlatform))
        for (const endpoint of pullEndpoints(ref, registries)) allow(endpoint, 'pull')
      for (const target of cacheTo)
        if (target.type === 'registry') allow(registryEndpoint(parseReference(target.ref), registries), 'pull', 'push')
      if (pushTo !== undefined) allow(parseReference(pushTo), 'pull', 'push')
    },
    has: (host) => hosts.has(host),
    allowed(host, scopes) {
      return scopes.flatMap((scope) => {
        const [, repository = '', actions = ''] = /^repository:(.+):([a-z*,]+)$/.exec(scope) ?? []
        const rights = hosts.get(host)?.get(repository)
        const kept = actions.split(',').filter((action) => rights?.has(action as Right))
        return kept.length > 0 ? [`repository:${repository}:${kept.join(',')}`] : []
      })
    },
  }
}

function pulledBy(build: RemoteBuild, buildPlatform: Platform | undefined): Reference[] {
  const { options, dockerfile } = build
  // What another frontend makes of the text is not known: images that it wants beside these are named as contexts
  const parsed = dockerfile.frontend || !buildPlatform ? undefined : build.graphFor?.(buildPlatform)
  const names = [
    ...(parsed ? readsOf(parsed.graph, options, { context: undefined }).images : []).flatMap((image) =>
      image.isLayout ? [] : [image.name],
    ),
    dockerfile.frontend?.image,
    parsed?.dockerfile.directives.syntax,
    options.buildArgs['BUILDKIT_SYNTAX'],
    ...Object.values(options.buildContexts).map((context) => (context.kind === 'image' ? context.ref : undefined)),
    ...options.cacheFrom.map((source) => (source.type === 'registry' ? source.ref : undefined)),
  ]
  return names.flatMap((name) => (name ? readable(name) : []))
}

/** Whoever reads a name that is none says so. */
function readable(name: string): Reference[] {
  try {
    return [parseReference(name.trim().split(/\s+/)[0]!)]
  } catch {
    return []
  }
}
