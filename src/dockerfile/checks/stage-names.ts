import type { Rule } from './rule.ts'

export const stageNameCasing: Rule = {
  name: 'StageNameCasing',
  description: 'The name of a stage has upper-case letters',
  help: 'Write the name in lower case',
  severity: 'warning',
  find: ({ dockerfile }) =>
    dockerfile.stages.flatMap(({ from: { as, at } }) =>
      as === undefined || as === as.toLowerCase()
        ? []
        : [{ at, message: `Stage name "${as}" is known as "${as.toLowerCase()}"` }],
    ),
}

export const duplicateStageName: Rule = {
  name: 'DuplicateStageName',
  description: 'Two stages have the same name',
  help: 'Rename one of them',
  severity: 'warning',
  find({ dockerfile }) {
    const lines = new Map<string, number>()
    return dockerfile.stages.flatMap(({ name, from: { at } }) => {
      const earlier = name === undefined ? undefined : lines.get(name)
      if (name !== undefined) lines.set(name, at.line)
      return earlier === undefined
        ? []
        : [
            {
              at,
              message: `Stage name "${name}" is already the name of the stage at line ${earlier}: the last one counts`,
            },
          ]
    })
  },
}

export const reservedStageName: Rule = {
  name: 'ReservedStageName',
  description: 'A stage has a reserved name',
  help: 'Use another name than scratch or context',
  severity: 'warning',
  find: ({ dockerfile }) =>
    dockerfile.stages.flatMap(({ name, from: { at } }) =>
      name === 'scratch' || name === 'context' ? [{ at, message: `Stage name "${name}" is reserved` }] : [],
    ),
}
