import { cleanPath } from '../paths.ts'
import { hasWildcard } from '../pattern.ts'
import type { Finding, Rule } from './rule.ts'
import { inEveryStage } from './rule.ts'

export const copyIgnoredFile: Rule = {
  name: 'CopyIgnoredFile',
  description: 'COPY or ADD names a file that .dockerignore leaves out',
  help: 'Remove the pattern from .dockerignore, or copy something else',
  severity: 'warning',
  find(subject) {
    const { ignore } = subject
    if (!ignore) return []
    return inEveryStage(subject, ({ evaluated }) =>
      evaluated.steps.flatMap((step): Finding[] => {
        if (step.kind !== 'copy' || step.from) return []
        return step.sources.filter(isLeftOut).map((source) => ({
          at: step.at,
          message: `Cannot ${step.add ? 'add' : 'copy'} "${cleanPath(source)}": .dockerignore leaves it out`,
        }))
      }),
    )

    /** Of a folder that is left out, a later pattern may bring something back. */
    function isLeftOut(source: string): boolean {
      const path = withoutWildcards(cleanPath(source))
      return path !== '' && path !== '.' && ignore!.matches(path) && ignore!.canPrune(path)
    }
  },
}

/** The folders of a path before the first part with a wildcard. */
function withoutWildcards(path: string): string {
  const parts = path.split('/')
  const wild = parts.findIndex(hasWildcard)
  return wild === -1 ? path : parts.slice(0, wild).join('/')
}
