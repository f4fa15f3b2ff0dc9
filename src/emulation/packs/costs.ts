import type { Recipe } from './recipe.ts'

/** A pack that could be made. */
export interface Candidate {
  readonly recipe: Recipe
  /** What emulating takes longer than its twin. CPU seconds. */
  readonly gain: number
}

const ownCost = ({ making }: Recipe) => making ?? 2

const common = ({ common: parts = {} }: Recipe) => Object.entries(parts)

/** What making a pack takes once those parts of packages are read that several packs are made of. CPU seconds. */
export function makingCost(recipe: Recipe, read: ReadonlySet<string>): number {
  return common(recipe).reduce((sum, [part, cost]) => sum + (read.has(part) ? 0 : cost), ownCost(recipe))
}

/**
 * Those that together save the most, each more than it costs by itself: what is read for several of them is paid once,
 * which none of them may be worth alone. `gain`: what all save beyond their costs.
 */
export function worthMaking<T extends Candidate>(
  candidates: readonly T[],
  read: ReadonlySet<string>,
): { readonly chosen: readonly T[]; readonly gain: number } {
  const useful = candidates.filter(({ recipe, gain }) => gain > ownCost(recipe))
  const costs = new Map(useful.flatMap(({ recipe }) => common(recipe)).filter(([part]) => !read.has(part)))
  let best: { readonly chosen: readonly T[]; readonly gain: number } = { chosen: [], gain: 0 }
  for (const parts of choicesOf([...costs.keys()])) {
    const chosen = useful.filter(({ recipe }) => common(recipe).every(([part]) => read.has(part) || parts.has(part)))
    const saved = chosen.reduce((sum, { recipe, gain }) => sum + gain - ownCost(recipe), 0)
    const gain = [...parts].reduce((sum, part) => sum - costs.get(part)!, saved)
    if (gain > best.gain) best = { chosen, gain }
  }
  return best
}

/** Every choice of some of them: recipes have a handful of parts. */
function choicesOf(parts: readonly string[]): ReadonlySet<string>[] {
  return parts.reduce<ReadonlySet<string>[]>(
    (choices, part) => choices.flatMap((choice) => [choice, new Set([...choice, part])]),
    [new Set()],
  )
}
