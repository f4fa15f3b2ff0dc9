import type { Emulated } from '../../plan/types.ts'
import { sortPacks, whyOutdated } from './current.ts'
import { packName } from './pack.ts'
import { neverTwins, readRecipes } from './recipes.ts'
import { readRefusals } from './refusal.ts'
import { readShares } from './shares.ts'
import { PACK_TARGETS } from './targets.ts'

/**
 * The same platforms with what is known of native toolchains for them, with `speculate` also of those that may end the
 * attempt of a step. A folder that is not there costs nothing.
 */
export async function knownToolchains(
  folder: string,
  emulated: readonly Emulated[],
  { speculate = false }: { readonly speculate?: boolean } = {},
): Promise<Emulated[]> {
  const [{ current: packs, outdated }, refusals, shares] = await Promise.all([
    sortPacks(folder),
    readRefusals(folder),
    readShares(folder),
  ])
  const recipes = packs.length > 0 ? await readRecipes() : []
  return emulated.map((entry) => {
    if (entry.status !== 'ready') return entry
    const { architecture } = entry.platform
    const own = packs
      .filter(({ manifest }) => manifest.architecture === architecture && (speculate || !manifest.speculative))
      .map(({ manifest, digest }) => `${packName(manifest)} ${digest.slice(0, 12)}`)
    const refused = [
      ...new Set(
        refusals.filter((one) => one.architecture === architecture).map(({ path, reason }) => `${path}: ${reason}`),
      ),
    ].sort()
    refused.push(...outdated.filter(({ manifest }) => manifest.architecture === architecture).map(whyOutdated))
    if (own.length > 0) refused.push(...neverTwins(recipes, PACK_TARGETS[architecture] ?? []))
    if (own.length + refused.length === 0) return entry
    const spent = shares.get(architecture)
    const share = spent ? { share: spent.native / (spent.native + spent.emulated) } : {}
    return { ...entry, toolchains: { packs: own, refused, ...share } }
  })
}
