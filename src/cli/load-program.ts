import { join } from 'node:path'
import { loadCached, type Loaded } from './code-cache.ts'

/** One of the files that `bundle.mjs` writes. */
interface Group {
  /** Where the chunk is that the program starts with. */
  readonly main: readonly [group: number, index: number]
  chunks(need: Need, load: (group: number, index: number) => Promise<unknown>): readonly (() => unknown)[]
}

/** What a chunk exports. */
type Need = (group: number, index: number) => unknown

/**
 * Loads the program `name` from the files in `folder`: what most runs use from the first one, all else from the others
 * once it is needed.
 */
export function loadProgram<Exports>(
  folder: string,
  name: string,
  { version, kind }: { readonly version: string; readonly kind: string },
): Loaded<Exports> {
  const files: Loaded<Group>[] = []
  const groups: { readonly chunks: readonly (() => unknown)[]; readonly made: unknown[] }[] = []
  const open = (group: number) => {
    const file = loadCached<Group>(join(folder, `${name}${group === 0 ? '' : `-${group}`}.cjs`), version, kind)
    files.push(file)
    return (groups[group] = { chunks: file.exports.chunks(need, load), made: [] })
  }
  const need: Need = (group, index) => {
    const { chunks, made } = groups[group] ?? open(group)
    return (made[index] ??= chunks[index]!())
  }
  const load = async (group: number, index: number) => need(group, index)
  open(0)
  return {
    exports: need(...files[0]!.exports.main) as Exports,
    keep: () => files.forEach((file) => file.keep()),
  }
}
