import type { BuiltStage } from '../../content/built-image.ts'
import { assembleImage, type ImageFacts } from '../../engine/assemble-image.ts'
import type { Layers } from '../../engine/layers.ts'
import type { Lowered } from '../../engine/lowered.ts'
import type { Solver } from '../../engine/solve.ts'
import type { Workers } from '../../engine/workers.ts'
import type { Job } from '../../plan/types.ts'
import type { Store } from '../../store/store.ts'
import type { Driver } from '../driver.ts'

export interface EmbeddedOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly solver: Solver
  /** What a job's image or stage is made of. Throws when its platform cannot be built. */
  readonly lowered: (job: Job, stages: readonly BuiltStage[]) => Promise<Lowered>
  /** What the request of a job says about its image. */
  readonly about: (job: Job) => ImageFacts
  readonly sourceDateEpoch?: number
}

/** The engine of this machine as a driver: no daemon, steps shared by all jobs that are built through it. */
export function createEmbeddedDriver(options: EmbeddedOptions): Driver {
  const { store, solver, layers } = options
  return {
    async build(job, { signal, stages = [] }) {
      const lowered = await options.lowered(job, stages)
      const solved = await solver.solve(lowered.vertex, signal)
      return assembleImage(job.kind === 'image' ? job.target : job.platform, lowered, solved, {
        ...options,
        ...options.about(job),
        signal,
        solver,
        layers,
        store,
      })
    },
    close: () => options.workers.close(),
  }
}
