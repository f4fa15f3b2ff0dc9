import type { PackCommand } from '../config/pack-flags.ts'
import { openApt, type Apt } from '../emulation/packs/apt.ts'
import { matchesOf } from '../emulation/packs/foresight.ts'
import { makePack } from '../emulation/packs/make-pack.ts'
import type { Recipe, RecipeMatch } from '../emulation/packs/recipe.ts'
import { noTwinBecause, readRecipes } from '../emulation/packs/recipes.ts'
import { hostTarget, PACK_TARGETS, type PackTarget } from '../emulation/packs/targets.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { print } from './print.ts'
import { buildFromSource } from './source-build.ts'
import type { Terminal } from './terminal.ts'

/** Makes the packs that are named, or all that a distribution has twins for; prints the digest of each. */
export async function buildPacks(
  { wanted, architectures, from, fromSource }: PackCommand & { verb: 'build' },
  {
    folder,
    store,
    signal,
    terminal,
  }: { folder: string; store: string | undefined; signal: AbortSignal; terminal: Terminal },
): Promise<number> {
  const host = hostTarget()
  if (!host) throw new XbuildError('HOST', `Cannot build packs: there are no recipes for ${process.arch} machines`)
  const recipes = await readRecipes()
  const build = fromSource ? buildFromSource(terminal, store) : undefined
  let made = 0
  for (const architecture of architectures) {
    for (const target of PACK_TARGETS[architecture] ?? []) {
      const apt = await openApt({
        distribution: from,
        architectures: [host.debian, target.debian],
        folder: `${folder}/tmp`,
        kept: `${folder}/index`,
        fresh: true,
        signal,
      })
      try {
        const matches = wanted
          ? wanted.map(({ recipe, version }) => ({ recipe: namedRecipe(recipes, recipe, version), target, version }))
          : everyMatch(recipes, target, apt)
        for (const match of matches) {
          const { recipe, version } = match
          terminal.stderr.write(
            `Making ${recipe.about}${version ? ` ${version}` : ''} of ${from.id} ${from.codename} for ${target.debian}\n`,
          )
          const options = { apt, match, architecture, distribution: from, host, packs: folder, build, signal }
          const pack = await makePack(options).catch((thrown: unknown) => {
            const error = toXbuildError(thrown)
            if (wanted || error.code !== 'NOT_FOUND') throw thrown
            terminal.stderr.write(`No pack: ${[error.message, error.hint].filter(Boolean).join('. ')}\n`)
            return undefined
          })
          if (!pack) continue
          made += 1
          await print(terminal.stdout, `${pack.digest}\n`)
        }
      } finally {
        await apt.close()
      }
    }
  }
  if (made === 0)
    throw new XbuildError('NOT_FOUND', `Cannot build packs of ${from.id} ${from.codename}: there are no twins for it`)
  return 0
}

function namedRecipe(recipes: readonly Recipe[], name: string, version: string): Recipe {
  const recipe = recipes.find((one) => one.name === name)
  if (!recipe)
    throw new XbuildError('NOT_FOUND', `Cannot build pack "${name}": there is no such recipe`, {
      hint: `The recipes are ${recipes.map((one) => one.name).join(', ')}`,
    })
  if (version === '' && !recipe.versions && recipe.path.includes('<version>'))
    throw new XbuildError('BAD_OPTION', `Cannot build pack "${name}": its version is missing`, {
      hint: `Write it like ${name}@14`,
    })
  return recipe
}

/**
 * Every recipe by which packages of the architecture have twins, with the version that the distribution uses by
 * itself.
 */
export function everyMatch(
  recipes: readonly Recipe[],
  target: PackTarget,
  apt: Pick<Apt, 'versions'>,
): readonly RecipeMatch[] {
  return recipes
    .filter(({ sibling }) => !sibling)
    .flatMap((recipe) => matchesOf(recipe, target, apt).slice(0, 1))
    .filter((match) => noTwinBecause(match) === undefined)
}
