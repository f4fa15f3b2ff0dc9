import { compact } from '../../compact.ts'
import type { CompleteOptions } from '../../config/options.ts'
import { withProxies } from '../../config/proxies.ts'
import { allowsHostNetwork, NETWORK_HOST } from '../../dockerfile/entitlements.ts'
import type { Job } from '../../plan/types.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import type { RemoteBuild, RemoteDockerfile } from '../remote-build.ts'
import { ARCHIVE, TREE } from './inputs.ts'
import { UPLOAD_HOST } from './session/upload.ts'

export interface AttributeOptions {
  /** Whether the engine has images of its own, which count before those of registries. */
  readonly ownImages: boolean
  /** What BUILDPLATFORM is to be, where that is not what the daemon would say. */
  readonly buildPlatform?: Platform
}

/**
 * What the Dockerfile frontend is told of a job (BuildKit's frontend attributes), but for named contexts and caches.
 */
export function frontendAttributes(
  job: Job,
  build: RemoteBuild,
  { ownImages, buildPlatform }: AttributeOptions,
): Record<string, string> {
  const { options } = build
  const target = job.kind === 'stage' ? job.stage : options.target
  const args = { ...(buildPlatform ? platformArgs(buildPlatform) : {}), ...stamp(options), ...withProxies(options) }
  return {
    filename: 'Dockerfile',
    dockerfilekey: TREE.dockerfile,
    platform: formatPlatform(targetOf(job)),
    ...contextAttribute(build),
    ...compact({ target }),
    ...prefixed('build-arg:', args),
    ...prefixed('label:', options.labels),
    ...cacheUse(options),
    ...(options.pull ? { 'image-resolve-mode': 'pull' } : ownImages ? { 'image-resolve-mode': 'local' } : {}),
    ...stepAttributes(options),
    ...frontendAttribute(build.dockerfile),
  }
}

/** The image that the daemon is to run as frontend, for `gateway.v0`. */
function frontendAttribute({ frontend }: RemoteDockerfile): Record<string, string> {
  return frontend ? { source: frontend.image, cmdline: frontend.cmdline } : {}
}

/** The platform that the daemon is to build for. */
export function targetOf(job: Job): Platform {
  return job.kind === 'image' ? job.target : (job.targets[0] ?? job.platform)
}

function contextAttribute({ context }: RemoteBuild): Record<string, string> {
  if (context.kind === 'url') return { context: context.url }
  if (context.kind === 'archive') return { context: `http://${UPLOAD_HOST}/${ARCHIVE}` }
  return { contextkey: TREE.context }
}

/** Without a value: nothing is taken from the cache; else stages by name. */
function cacheUse({ noCache, noCacheFilter = [] }: CompleteOptions): Record<string, string> {
  if (noCache) return { 'no-cache': '' }
  return noCacheFilter.length > 0 ? { 'no-cache': noCacheFilter.join(',') } : {}
}

function stepAttributes({ network, addHosts = [], ulimits = [], shmSize }: CompleteOptions): Record<string, string> {
  return {
    // Steps have a network of their own there, unless its administrator decided otherwise
    ...(network === undefined || network === 'private' ? {} : { 'force-network-mode': network }),
    ...(addHosts.length > 0 ? { 'add-hosts': addHosts.map(({ name, ip }) => `${name}=${ip}`).join(',') } : {}),
    ...(ulimits.length > 0
      ? { ulimit: ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(',') }
      : {}),
    ...(shmSize === undefined ? {} : { 'shm-size': String(shmSize) }),
  }
}

function stamp({ sourceDateEpoch }: CompleteOptions): Record<string, string> {
  return sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(sourceDateEpoch) }
}

function platformArgs(platform: Platform): Record<string, string> {
  return {
    BUILDPLATFORM: formatPlatform(platform),
    BUILDOS: platform.os,
    BUILDARCH: platform.architecture,
    BUILDVARIANT: platform.variant ?? '',
  }
}

function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]))
}

/** Rights that the options give, and no others; the daemon may refuse them. */
export function entitlementsOf(options: Pick<CompleteOptions, 'allow' | 'network'>): string[] {
  return [...new Set([...(options.allow ?? []), ...(allowsHostNetwork(options) ? [NETWORK_HOST] : [])])]
}
