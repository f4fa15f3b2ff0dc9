import type { StageGraph } from '../../dockerfile/types.ts'
import type { ImageFor, Lowered } from '../../engine/lowered.ts'
import { toXbuildError, XbuildError } from '../../errors.ts'
import { sameTarget, type TargetId } from '../../plan/target-id.ts'
import { formatPlatform } from '../../platform.ts'

/** A target and what its image is made of. */
export interface LoweredTarget extends TargetId {
  /** With what triggers of base images name. */
  readonly graph: StageGraph
  readonly lowered: Lowered
  readonly imageFor: ImageFor
}

/** The targets of one engine: those that are lowered, and those that cannot be built. */
export interface TargetTable {
  all(): readonly LoweredTarget[]
  has(target: TargetId): boolean
  /** Throws why it cannot be built. */
  get(target: TargetId): LoweredTarget
  /** The steps of a target that another one is made from. Throws with the name of it. */
  loweredOf(target: TargetId): Lowered
  /** In place of what was there of this target. */
  set(target: LoweredTarget): void
  refuse(target: TargetId, error: unknown): void
}

/** No target is there yet. */
export function createTargetTable(): TargetTable {
  const lowered: LoweredTarget[] = []
  const refused: { readonly target: TargetId; readonly error: unknown }[] = []
  const find = (wanted: TargetId) => lowered.find((one) => sameTarget(one, wanted))
  const refusal = (wanted: TargetId) => refused.find(({ target }) => sameTarget(target, wanted))
  return {
    all: () => lowered,
    has: (wanted) => find(wanted) !== undefined || refusal(wanted) !== undefined,
    get(wanted) {
      const found = find(wanted)
      if (found) return found
      throw refusal(wanted)?.error ?? new XbuildError('INTERNAL', 'Cannot find a target that was opened')
    },
    loweredOf(wanted) {
      const found = find(wanted)
      if (found) return found.lowered
      throw cannotUse(wanted, refusal(wanted)?.error)
    },
    set(target) {
      const at = lowered.findIndex((one) => sameTarget(one, target))
      lowered.splice(at < 0 ? lowered.length : at, 1, target)
    },
    refuse: (target, error) => void refused.push({ target, error }),
  }
}

function cannotUse({ image, platform }: TargetId, why: unknown): XbuildError {
  if (why === undefined)
    return new XbuildError('UNSUPPORTED', `Cannot use "target:${image}": only ONBUILD of a base image names it`, {
      hint: 'Name it in the Dockerfile, too: with FROM or COPY --from',
    })
  const error = toXbuildError(why)
  return error.with({ message: `Cannot use "target:${image}" for ${formatPlatform(platform)}: ${error.message}` })
}
