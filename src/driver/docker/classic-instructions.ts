import type { Dockerfile } from '../../dockerfile/types.ts'
import type { SourcePosition } from '../../errors.ts'

/** An instruction as it is written in the Dockerfile. */
export interface WrittenInstruction {
  readonly text: string
  readonly at: SourcePosition
  readonly stage: string
  readonly number: string
}

/** Finds the instructions that a classic builder names. */
export interface ClassicInstructions {
  /** The instruction of a step by its number and text. */
  find(number: number, text: string): WrittenInstruction | undefined
  /** How many instructions were passed. */
  position(): number
  /** The build begins once more. */
  rewind(): void
}

export function createClassicInstructions(dockerfile: Dockerfile): ClassicInstructions {
  const written = instructionsOf(dockerfile)
  let position = 0
  return {
    /** Docker counts every instruction, Podman those of a stage, and it leaves stages out: the text tells. */
    find(number, text) {
      const index = written.findIndex((one, at) => at >= position && isSame(one.text, text))
      if (index === -1) return isSame(written[number - 1]?.text, text) ? written[number - 1] : undefined
      position = index + 1
      return written[index]
    },
    position: () => position,
    rewind() {
      position = 0
    },
  }
}

function isSame(a: string | undefined, b: string): boolean {
  const plain = (text: string) =>
    text
      .replace(/--platform=\S+/i, '')
      .replaceAll(/[\s\\]+/g, ' ')
      .trim()
      .toLowerCase()
  return a !== undefined && plain(a) === plain(b)
}

function instructionsOf({ metaArgs, stages }: Dockerfile): WrittenInstruction[] {
  return [
    ...metaArgs.map(({ text, at }) => ({ text, at, stage: '', number: '' })),
    ...stages.flatMap(({ from, instructions, name, index }) => {
      const all = [from, ...instructions]
      const stage = name ?? (stages.length > 1 ? `stage-${index}` : '')
      return all.map(({ text, at }, n) => ({ text, at, stage, number: `${n + 1}/${all.length}` }))
    }),
  ]
}
