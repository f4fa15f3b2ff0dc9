import { XbuildError } from '../../errors.ts'
import type { CompleteOptions } from '../../config/options.ts'
import type { Platform } from '../../platform.ts'

/** What was found out about a BuildKit daemon. */
export interface BuildkitFacts {
  /** BuildKit's version, when the daemon tells it; those inside of Docker Engine 20.10 do not. */
  readonly version?: string
  /** What its workers say they build for; the first is the machine's own. */
  readonly platforms: readonly Platform[]
  /**
   * Whether it gives results out as OCI content and pushes them. If not, they only go into the image store of the
   * engine it is part of.
   */
  readonly givesOci: boolean
  /**
   * Names of abilities, as the daemon calls them: `source.ocilayout`, `exec.meta.ulimit`, `exporter.sourcedateepoch`.
   */
  readonly abilities: ReadonlySet<string>
}

/** What newer daemons do and older ones pass over in silence, by the ability that came with it. */
export const ABILITY = {
  /** Came in the same release (0.10). */
  namedContexts: 'gateway.warnings',
  layouts: 'source.ocilayout',
  ulimits: 'exec.meta.ulimit',
  shmSize: 'exec.mount.tmpfs.size',
  gha: 'cache.gha',
  /**
   * Results come blob by blob, those that are here already not at all; it came in the same release (0.11). Without:
   * as a tar stream.
   */
  blobByBlob: 'exporter.image.attestations',
  timestamps: 'exporter.sourcedateepoch',
} as const

/** Throws UNSUPPORTED for what the options ask of a daemon that would pass over it in silence. */
export function checkAbilities(
  { buildContexts, ulimits = [], resources, shmSize, cacheFrom, cacheTo }: CompleteOptions,
  facts: BuildkitFacts,
  endpoint: string,
): void {
  if (resources !== undefined)
    throw new XbuildError('UNSUPPORTED', `Cannot build on "${endpoint}": BuildKit does not support --resource`, {
      hint: 'Leave it out, or build on this machine: name it with --builder',
    })
  const contexts = Object.values(buildContexts)
  const wanted: readonly (readonly [boolean, keyof typeof ABILITY, string])[] = [
    [contexts.length > 0, 'namedContexts', '--build-context'],
    [contexts.some(({ kind }) => kind === 'oci-layout'), 'layouts', '--build-context NAME=oci-layout://'],
    [contexts.some(({ kind }) => kind === 'target'), 'layouts', '--build-context NAME=target:'],
    [ulimits.length > 0, 'ulimits', '--ulimit'],
    [shmSize !== undefined, 'shmSize', '--shm-size'],
    [[...cacheFrom, ...cacheTo].some(({ type }) => type === 'gha'), 'gha', 'caches of type=gha'],
  ]
  const missing = wanted
    .filter(([asked, ability]) => asked && !facts.abilities.has(ABILITY[ability]))
    .map(([, , what]) => what)
  if (missing.length === 0) return
  throw new XbuildError(
    'UNSUPPORTED',
    `Cannot build on "${endpoint}": its BuildKit is too old for ${missing.join(', ')}`,
    { hint: 'Update that engine, build on another node, or leave it out' },
  )
}
