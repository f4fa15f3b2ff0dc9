import type { FromInstruction, Instruction } from '../types.ts'
import type { Rule } from './rule.ts'
import { stagesOf } from './rule.ts'

export const fromAsCasing: Rule = {
  name: 'FromAsCasing',
  description: 'FROM and its AS are not written in the same case',
  help: 'Write both in upper case, or both in lower case',
  severity: 'warning',
  find: ({ dockerfile }) =>
    dockerfile.stages.flatMap(({ from }) => {
      if (from.as === undefined) return []
      const keyword = keywordOf(from)
      const as = from.asWord ?? 'AS'
      // A FROM in mixed case has a finding of its own.
      const expected = keyword === keyword.toLowerCase() ? 'as' : keyword === keyword.toUpperCase() ? 'AS' : as
      return as === expected
        ? []
        : [{ at: from.at, message: `"${keyword}" and "${as}" are not written in the same case` }]
    }),
}

export const consistentInstructionCasing: Rule = {
  name: 'ConsistentInstructionCasing',
  description: 'Instructions are written partly in upper and partly in lower case',
  help: 'Write all instructions in the same case',
  severity: 'warning',
  find(subject) {
    const all = stagesOf(subject).flatMap(({ from, instructions }) => [from, ...instructions])
    const words = all.map((instruction) => ({ at: instruction.at, word: keywordOf(instruction) }))
    const lower = words.filter(({ word }) => word === word.toLowerCase()).length
    const upper = words.filter(({ word }) => word === word.toUpperCase()).length
    const wanted = (word: string): string => (lower > upper ? word.toLowerCase() : word.toUpperCase())
    const most = lower > upper ? 'lower' : 'upper'
    return words.flatMap(({ at, word }) =>
      word === wanted(word) ? [] : [{ at, message: `"${word}" is not in ${most} case, as most instructions are` }],
    )
  },
}

/** The name of an instruction as it is written. */
function keywordOf(instruction: Instruction | FromInstruction): string {
  return instruction.written?.keyword ?? instruction.kind.toUpperCase()
}
