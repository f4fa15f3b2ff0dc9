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
  find(subject) {
    const has = withWorkdir(subject.dockerfile.stages)
    return inEveryStage(subject, ({ stage }) => {
      if (stage.base.kind === 'stage' && has[stage.base.index]) return []
      const first = stage.stage.instructions.find(({ kind }) => kind === 'workdir')
      if (first?.kind !== 'workdir' || isAbsolute(first.path, stage.escape ?? '\\')) return []
      return [
        {
          at: first.at,
          message: `WORKDIR ${first.path} is relative: where it leads depends on the base image`,
        } satisfies Finding,
      ]
    })
  },
}

/** Whether a stage, or one below it, has a WORKDIR, by index: then that one is looked at. One look at each, however many. */
function withWorkdir(stages: readonly Stage[]): readonly boolean[] {
  const latest = new Map<string, number>()
  const found: boolean[] = []
  for (const { name, index, from, instructions } of stages) {
    const below = latest.get(from.image)
    found[index] = instructions.some(({ kind }) => kind === 'workdir') || (below !== undefined && found[below] === true)
    if (name !== undefined) latest.set(name, index)
  }
  return found
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
