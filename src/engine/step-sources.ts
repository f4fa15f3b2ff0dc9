import type { Context } from '../content/context.ts'
import type { FolderSource } from '../content/sources.ts'
import { addSources, countSources, NO_SOURCES, type SourceFiles } from '../emulation/packs/compiling.ts'
import type { RunVertex, Vertex } from './vertex.ts'

/** Words of a script that may bring sources from elsewhere. */
const FETCHES = /\b(?:git|curl|wget|svn|hg|dget|pip3?|npm|tar|unzip|apt(?:-get)?\s[^;&|\n]*\bsource)\b/

/** The C and C++ files that a RUN finds, as far as they come from folders; nothing when there may be others. */
export async function sourcesBelow(
  vertex: RunVertex,
  openFolder: (folder: FolderSource) => Promise<Context>,
): Promise<SourceFiles | undefined> {
  let sum = NO_SOURCES
  for (let one: Vertex = vertex; 'parent' in one; one = one.parent) {
    if (one.kind === 'run') {
      const script = [...one.step.argv, ...one.step.files.map(({ content }) => content)].join(' ')
      if (FETCHES.test(script) || one.mounted.some((mounted) => mounted?.kind === 'folder')) return undefined
    }
    if (one.kind !== 'copy' || one.step.sources.length + one.remotes.length === 0) continue
    if (one.remotes.length > 0 || one.from?.kind === 'remote') return undefined
    if (one.from?.kind !== 'folder') continue // of another stage: what that has built
    const context = await openFolder(one.from)
    const { selected } = await context.select(one.step.sources, one.step.excludes)
    const found = countSources(
      selected.flatMap(({ path, entries }) =>
        entries.filter(({ type }) => type === 'file').map((entry) => ({ path: entry.path || path, size: entry.size })),
      ),
    )
    if (!found) return undefined
    sum = addSources(sum, found)
  }
  return sum.c.files + sum.cxx.files > 0 ? sum : undefined
}
