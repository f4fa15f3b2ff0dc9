import { packName, twinsIn, type Pack, type PackManifest } from './pack.ts'
import { listPacks } from './pack-folder.ts'
import type { Recipe } from './recipe.ts'
import { matchRecipe, noTwinBecause, readRecipes, rulesOf } from './recipes.ts'
import { PACK_TARGETS } from './targets.ts'

/** The packs of a folder that may be used. */
export async function currentPacks(folder: string): Promise<Pack[]> {
  return (await sortPacks(folder)).current
}

/** The packs of a folder: those that may be used, and those that were made by other rules than today's. */
export async function sortPacks(folder: string): Promise<{ readonly current: Pack[]; readonly outdated: Pack[] }> {
  const packs = await listPacks(folder)
  const recipes = packs.length === 0 ? [] : await readRecipes()
  const isUsed = ({ manifest }: Pack) => isCurrent(manifest, recipes)
  return { current: packs.filter(isUsed), outdated: packs.filter((pack) => !isUsed(pack)) }
}

/** Why a build does not use a pack that is there, in words. */
export function whyOutdated({ manifest, digest }: Pack): string {
  return `the pack ${packName(manifest)} ${digest.slice(0, 12)} is not used: rules of another version of xbuild made it`
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
