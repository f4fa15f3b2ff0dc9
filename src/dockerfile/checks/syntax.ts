import type { Rule } from './rule.ts'
import { stagesOf } from './rule.ts'

export const noEmptyContinuation: Rule = {
  name: 'NoEmptyContinuation',
  description: 'An instruction of several lines has an empty line in it',
  help: 'Remove the empty line',
  severity: 'warning',
  find: ({ dockerfile: { metaArgs, stages } }) =>
    [...metaArgs, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])].flatMap(
      ({ kind, at, written }) => {
        const [line] = written?.emptyLines ?? []
        return line === undefined
          ? []
          : [
              {
                at: { file: at.file, line },
                message: `Empty line inside ${kind.toUpperCase()}: a later version of the syntax may end the instruction there`,
              },
            ]
      },
    ),
}

export const maintainerDeprecated: Rule = {
  name: 'MaintainerDeprecated',
  description: 'MAINTAINER is deprecated',
  help: 'Write LABEL org.opencontainers.image.authors="..."',
  severity: 'warning',
  find: (subject) =>
    stagesOf(subject).flatMap(({ instructions }) =>
      instructions.flatMap(({ kind, at }) =>
        kind === 'maintainer' ? [{ at, message: 'MAINTAINER is deprecated: a label says who the author is' }] : [],
      ),
    ),
}

export const legacyKeyValueFormat: Rule = {
  name: 'LegacyKeyValueFormat',
  description: 'ENV or LABEL is written with a blank between key and value',
  help: 'Write KEY=VALUE, with quotes around a value that has blanks',
  severity: 'warning',
  find: (subject) =>
    stagesOf(subject).flatMap(({ instructions }) =>
      instructions.flatMap((instruction) => {
        if (instruction.kind !== 'env' && instruction.kind !== 'label') return []
        const old = instruction.pairs.find(({ legacy }) => legacy)
        const name = instruction.kind.toUpperCase()
        return old ? [{ at: instruction.at, message: `${name} ${old.key} has no "=" before its value` }] : []
      }),
    ),
}
