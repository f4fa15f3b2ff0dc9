import type { CacheMounts } from './cache-mounts.ts'
import { claimCaches } from './claim-caches.ts'
import { createMountInputs, type MountInput, type MountInputs, type MountInputsOptions } from './mount-inputs.ts'
import type { WorkerMount } from './protocol.ts'
import type { RunVertex } from './vertex.ts'
import { workerMount } from './worker-mount.ts'

/** Mounts of a RUN that are claimed for it. */
export interface OpenedMounts {
  readonly mounts: readonly WorkerMount[]
  release(): void
}

/** How the mounts of a step are opened. */
export interface OpenMountsOptions {
  readonly inputs: readonly (MountInput | undefined)[]
  /** Its caches are those of steps that speculate. */
  readonly speculates: boolean
  readonly signal: AbortSignal
}

/** The engine's side of `RUN --mount`. */
export interface StepMounts {
  readonly inputs: MountInputs
  /** Makes ready what the worker mounts; waits for caches that others have locked. */
  open(vertex: RunVertex, options: OpenMountsOptions): Promise<OpenedMounts>
}

export interface StepMountsOptions extends MountInputsOptions {
  readonly caches: CacheMounts
}

export function createStepMounts(options: StepMountsOptions): StepMounts {
  const { caches, workers } = options
  return {
    inputs: createMountInputs(options),
    async open({ step, scope }, opening) {
      const claimed = await claimCaches(step.mounts, { caches, workers, ...opening })
      try {
        const mounts = await Promise.all(
          step.mounts.map((mount, at) =>
            workerMount(mount, { input: opening.inputs[at], caches: claimed, given: scope.inputs }),
          ),
        )
        return { mounts: mounts.filter((mount) => mount !== undefined), release: claimed.release }
      } catch (error) {
        claimed.release()
        throw error
      }
    },
  }
}
