import { XbuildError } from '../../errors.ts'
import type { Stage } from '../types.ts'
import { expandWord } from '../words.ts'
import type { Finding, Rule } from './rule.ts'
import { inEveryStage } from './rule.ts'

export const workdirRelativePath: Rule = {
  name: 'WorkdirRelativePath',
  description: 'The first WORKDIR is relative: where it leads depends on the base image',
  help: 'Write an absolute path',
  severity: 'warning',
  find: (subject) =>
    inEveryStage(subject, ({ stage }) => {
      if (hasWorkdirBelow(stage.base, subject.dockerfile.stages)) return []
      const first = stage.stage.instructions.find(({ kind }) => kind === 'workdir')
      if (first?.kind !== 'workdir' || isAbsolute(first.path, stage.escape ?? '\\')) return []
      return [
        {
          at: first.at,
          message: `WORKDIR ${first.path} is relative: where it leads depends on the base image`,
        } satisfies Finding,
      ]
    }),
}

/** Whether a stage below has a WORKDIR: then that one is looked at. */
function hasWorkdirBelow(base: { readonly kind: string; readonly index?: number }, stages: readonly Stage[]): boolean {
  if (base.kind !== 'stage') return false
  const below = stages[base.index!]!
  if (below.instructions.some(({ kind }) => kind === 'workdir')) return true
  const earlier = stages.findLast(
    ({ name, index }) => index < below.index && name !== undefined && name === below.from.image,
  )
  return earlier !== undefined && hasWorkdirBelow({ kind: 'stage', index: earlier.index }, stages)
}

/** A variable at the start counts as an absolute path: most are. */
function isAbsolute(path: string, escape: '\\' | '`'): boolean {
  try {
    return /^([\\/]|[a-z]:)/i.test(expandWord(path, { lookup: () => '/', escape }))
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    return true // the evaluation says what is wrong with it
  }
}
