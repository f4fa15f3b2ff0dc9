import type { RegistryConfig } from '../config/options.ts'
import { XbuildError } from '../errors.ts'
import { isLoopback } from '../host/http/loopback.ts'
import type { Reference } from '../oci/reference.ts'

/** One repository at one place: the registry itself or a mirror of it. */
export interface Endpoint {
  /** The host as users write it and as credentials are filed under: `docker.io`, `127.0.0.1:5000`. */
  readonly host: string
  /** Where it answers: `https://registry-1.docker.io`. */
  readonly origin: string
  /** Repository name there; a mirror may put a prefix before it. */
  readonly repository: string
  readonly mirror: boolean
}

export type Registries = Readonly<Record<string, RegistryConfig>>

/** The registry itself: pushes go there and nowhere else. */
export function registryEndpoint(ref: Reference, registries: Registries): Endpoint {
  const scheme = schemeOf(ref.host, registries)
  return { host: ref.host, origin: `${scheme}://${apiHost(ref.host)}`, repository: ref.repository, mirror: false }
}

/** Where a pull may find the content: the mirrors in their order, then the registry itself. */
export function pullEndpoints(ref: Reference, registries: Registries): readonly Endpoint[] {
  const mirrors = registries[ref.host]?.mirrors ?? []
  return [...mirrors.map((mirror) => mirrorEndpoint(mirror, ref, registries)), registryEndpoint(ref, registries)]
}

/** The settings of whoever answers at `host`, a host with port as in a URL. */
export function configOf(host: string, registries: Registries): RegistryConfig | undefined {
  return Object.entries(registries).find(([name]) => apiHost(name) === host)?.[1]
}

/**
 * Whether a token service may be asked over plain http, where everybody on the way reads the password: it is the server
 * of a registry that is asked like that itself, or lies on this machine like it, or the settings say so.
 */
export function mayBePlain(realm: URL, { host, origin }: Endpoint, registries: Registries): boolean {
  if (!origin.startsWith('http:')) return false
  if (realm.host === new URL(origin).host || registries[realm.host]?.http === true) return true
  return isLoopback(realm.host) && isLoopback(host)
}

/** `[scheme://]host[:port][/prefix]`, as written in `xbuild.yaml`. */
function mirrorEndpoint(text: string, ref: Reference, registries: Registries): Endpoint {
  const [, scheme, host = '', path = ''] =
    /^(?:(https?):\/\/)?((?:\[[\da-fA-F:]+\]|[\w.-]+)(?::\d+)?)((?:\/[\w./-]*)?)$/.exec(text) ?? []
  const origin = `${scheme ?? schemeOf(host, registries)}://${apiHost(host)}`
  if (host === '' || !URL.canParse(origin)) {
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot use mirror "${text}" of ${ref.host}: it is not [http://]host[:port][/prefix]`,
    )
  }
  const prefix = path.split('/').filter(Boolean).join('/')
  return { host, origin, repository: prefix ? `${prefix}/${ref.repository}` : ref.repository, mirror: true }
}

function schemeOf(host: string, registries: Registries): 'http' | 'https' {
  return (registries[host]?.http ?? isLoopback(host)) ? 'http' : 'https'
}

function apiHost(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host
}
