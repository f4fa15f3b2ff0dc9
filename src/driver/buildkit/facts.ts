import type { Platform } from '../../platform.ts'

/** What was found out about a BuildKit daemon. */
export interface BuildkitFacts {
  /** BuildKit's version, when the daemon tells it; those inside of Docker Engine 20.10 do not. */
  readonly version?: string
  /** What its workers say they build for; the first is the machine's own. */
  readonly platforms: readonly Platform[]
  /** Whether it gives results out as OCI content and pushes them. If not, they only go into the image store of the engine it is part of. */
  readonly givesOci: boolean
  /** Names of abilities, as the daemon calls them: `source.ocilayout`, `mergeop`, `exporter.sourcedateepoch`. */
  readonly abilities: ReadonlySet<string>
}

/** What newer daemons do and older ones pass over in silence, by the ability that came with it. */
export const ABILITY = {
  /** Named contexts came in the same release (0.10). */
  namedContexts: 'mergeop',
  layouts: 'source.ocilayout',
  timestamps: 'exporter.sourcedateepoch',
} as const
