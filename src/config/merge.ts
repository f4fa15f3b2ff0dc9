import { compact } from '../compact.ts'
import { FLAGS, type FlagOption } from './flags.ts'
import type { FileConfig } from './file.ts'

/**
 * The user's own file below another one. Over a file of the project it wins wherever such a file may not say
 * everything: what the user restricts, a project does not open again.
 */
export function mergeConfigs(
  top: FileConfig | undefined,
  user: FileConfig | undefined,
  { topIs }: { readonly topIs: 'given' | 'project' },
): FileConfig | undefined {
  if (!top || !user) return top ?? user
  const values: { [K in FlagOption]?: readonly string[] } = {}
  for (const option of Object.keys(FLAGS) as FlagOption[]) {
    const userWins = topIs === 'project' && FLAGS[option].project !== 'free'
    const [first, second] = userWins ? [user, top] : [top, user]
    const winner = first.values[option] ?? second.values[option]
    const added = FLAGS[option].merge ? (second.values[option] ?? []) : []
    // Of a name that is there twice the last text counts
    if (winner) values[option] = winner === second.values[option] ? winner : [...added, ...winner]
  }
  const { platforms } = top.values.platforms ? top : user
  const nodes = byName(
    topIs === 'project' ? [...(top.nodes ?? []), ...(user.nodes ?? [])] : [...(user.nodes ?? []), ...(top.nodes ?? [])],
  )
  return {
    registries:
      topIs === 'project' ? { ...top.registries, ...user.registries } : { ...user.registries, ...top.registries },
    values,
    ...compact({ platforms }),
    ...(nodes.length > 0 ? { nodes } : {}),
    ...compact({ images: top.images }),
  }
}

function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.name, item])).values()]
}
