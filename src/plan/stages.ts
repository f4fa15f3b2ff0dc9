import type { GraphStage } from '../dockerfile/types.ts'
import type { SourcePosition } from '../errors.ts'
import { samePlatform, type Platform } from '../platform.ts'
import type { StageNeed } from './decide.ts'

/** What a stage asks of a node, for these targets. */
export function needOf(
  stage: GraphStage,
  { targets, buildPlatform }: { readonly targets: readonly Platform[]; readonly buildPlatform: Platform },
): StageNeed {
  return {
    platform: stage.platform,
    targets,
    runs: runsPrograms(stage),
    onBuildPlatform: samePlatform(stage.platform, buildPlatform),
  }
}

export function runsPrograms({ stage }: GraphStage): boolean {
  return stage.instructions.some(({ kind }) => kind === 'run')
}

/** Where the first RUN is: the line that needs a machine. */
export function positionOf({ stage }: GraphStage): SourcePosition {
  return (stage.instructions.find(({ kind }) => kind === 'run') ?? stage.from).at
}

/** The name of a stage, or its index as text. */
export function stageName({ name, index }: GraphStage): string {
  return name ?? String(index)
}
