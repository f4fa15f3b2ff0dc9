import type { UsedPack } from '../content/built-image.ts'
import type { Context } from '../content/context.ts'
import type { FolderSource } from '../content/sources.ts'
import type { ProgramStarts, StepProfile } from '../content/starts.ts'
import type { Emit } from '../events.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import type { Acceleration } from './acceleration.ts'
import type { Layers } from './layers.ts'
import type { Networks } from './networks.ts'
import type { Remotes } from './remotes-types.ts'
import type { Runtime } from './runtime.ts'
import type { StepImports } from './step-cache.ts'
import type { StepMounts } from './step-mounts.ts'
import type { Workers } from './workers.ts'

/** What vertices are solved with. */
export interface SolverOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly context: (folder: FolderSource) => Promise<Context>
  readonly remotes: Remotes
  readonly isNative: (platform: Platform) => boolean
  /** The OCI runtime; looked for by the first RUN. */
  readonly runtime: () => Promise<Runtime>
  readonly mounts: StepMounts
  readonly networks: Networks
  /** Native toolchains for emulated steps. */
  readonly acceleration?: Acceleration
  /** Told what programs of a step were run from, now or when the cache learnt it. */
  readonly onPacks?: (packs: readonly UsedPack[], cached: boolean, images: ReadonlySet<string>) => void
  /** Told what programs an emulated step started. */
  readonly onStarts?: (
    platform: string,
    starts: readonly ProgramStarts[],
    images: ReadonlySet<string>,
    profile?: StepProfile,
  ) => void
  /** Waited for before a step is run for some images; throws when it should not be. */
  readonly beforeWork?: (images: ReadonlySet<string>) => Promise<void>
  readonly jobs: number
  /** Caches of other machines. */
  readonly imports?: StepImports
  readonly emit: Emit
}
