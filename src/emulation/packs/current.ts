import { twinsIn, type Pack, type PackManifest } from './pack.ts'
import { listPacks } from './pack-folder.ts'
import type { Recipe } from './recipe.ts'
import { matchRecipe, noTwinBecause, readRecipes, rulesOf } from './recipes.ts'
import { PACK_TARGETS } from './targets.ts'

/** The packs of a folder that may be used. */
export async function currentPacks(folder: string): Promise<Pack[]> {
  const packs = await listPacks(folder)
  if (packs.length === 0) return []
  const recipes = await readRecipes()
  return packs.filter(({ manifest }) => isCurrent(manifest, recipes))
}

/**
 * Whether a pack would still be made so: the recipe of an older xbuild may have known less of what its twin does
 * otherwise.
 */
export function isCurrent(
  manifest: Pick<PackManifest, 'architecture' | 'recipe' | 'twin' | 'others'>,
  recipes: readonly Recipe[],
): boolean {
  return twinsIn(manifest).every((twin) => {
    const match = matchRecipe(recipes, twin.program, PACK_TARGETS[manifest.architecture] ?? [])
    return (
      match?.recipe.name === manifest.recipe &&
      noTwinBecause(match) === undefined &&
      rulesOf(match).every((rule, index) => twin.rules[index] === rule)
    )
  })
}
