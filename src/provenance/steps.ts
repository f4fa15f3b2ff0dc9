import { mountFrom } from '../dockerfile/mount.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { stageName } from '../plan/stages.ts'
import { formatPlatform } from '../platform.ts'
import type { StepFacts } from './facts.ts'

/**
 * The instructions of the stages that a target needs, in the order of the Dockerfile's stages: each builds on the one
 * before it, and on what it reads from.
 */
export function stepsOf({ stages }: StageGraph): StepFacts[] {
  const steps: StepFacts[] = []
  /** The last step of each stage. */
  const ends = new Map<number, string>()
  for (const stage of stages) {
    const base = stage.base.kind === 'stage' ? ends.get(stage.base.index) : undefined
    let below = base === undefined ? [] : [base]
    for (const instruction of [stage.stage.from, ...stage.stage.instructions]) {
      const { at, text } = instruction
      const id = `step${steps.length}`
      const read = readBy(instruction, stage).flatMap((index) => ends.get(index) ?? [])
      steps.push({
        id,
        stage: stageName(stage),
        platform: formatPlatform(stage.platform),
        instruction: text,
        inputs: [...new Set([...below, ...read])],
        lines: { start: at.line, end: at.endLine ?? at.line },
      })
      below = [id]
    }
    ends.set(stage.index, below[0]!)
  }
  return steps
}

/** Indexes of the stages that an instruction reads from. */
function readBy(
  instruction: GraphStage['stage']['instructions'][number] | GraphStage['stage']['from'],
  { froms }: GraphStage,
): number[] {
  const texts =
    instruction.kind === 'copy' || instruction.kind === 'add'
      ? instruction.from === undefined
        ? []
        : [instruction.from]
      : instruction.kind === 'run'
        ? instruction.mounts.flatMap((mount) => mountFrom(mount) ?? [])
        : []
  return texts.flatMap((text) => {
    const source = Object.hasOwn(froms, text) ? froms[text] : undefined
    return source?.kind === 'stage' ? [source.index] : []
  })
}
