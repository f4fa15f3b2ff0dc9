import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toXbuildError } from '../../errors.ts'
import { writeFileAtomic } from '../../host/files.ts'
import type { Apt } from './apt.ts'
import { foresee } from './foresee.ts'
import type { Makings } from './makings.ts'
import type { Distribution } from './os-release.ts'
import type { Pack } from './pack.ts'
import { noTwinBecause, type Recipe, type RecipeMatch } from './recipes.ts'
import { isFresh, type Refusal } from './refusal.ts'
import { hostTarget, PACK_TARGETS, type PackTarget } from './targets.ts'

/** A pack that is made before a program asks for it. */
export interface Ahead {
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Starts of the program that are expected. */
  readonly starts: number
  /** Nothing when the archive has no such pair, or cannot be reached. */
  readonly pack: Promise<Pack | undefined>
}

/** The image that scripts will run in. */
export interface ForeseenImage {
  /** GOARCH. */
  readonly architecture: string
  readonly distribution: Distribution
  /** It has a Go that is none of the distribution's. */
  readonly ownGo?: boolean
}

/** Makes the packs that scripts will need, while nothing waits for them yet. */
export interface Foresight {
  begin(scripts: readonly string[], image: ForeseenImage): Promise<void>
  /** What is being made, or was, for programs of a recipe. */
  of(architecture: string, recipe: string): Ahead | undefined
  /** Starts that are expected of programs of a recipe, whether or not the pack is made ahead. */
  starts(architecture: string, recipe: string): number
}

export interface ForesightOptions {
  readonly folder: string
  readonly makings: Makings
  readonly recipes: () => Promise<readonly Recipe[]>
  readonly packs: () => Promise<readonly Pack[]>
}

/** Packages that depend on the version of a program that a distribution uses by itself. */
const DEFAULTS = { gcc: /^gcc-(\d+)$/, 'golang-go': /^golang-(\d+\.\d+)-go$/ }

export function createForesight({ folder, makings, recipes, packs }: ForesightOptions): Foresight {
  const ahead = new Map<string, Ahead>()
  const expected = new Map<string, number>()

  async function make(recipe: Recipe, about: string, image: ForeseenImage) {
    const { architecture, distribution } = image
    const targets = (PACK_TARGETS[architecture] ?? []).slice(0, 1)
    const known = (await packs()).some(
      ({ manifest }) =>
        manifest.recipe === recipe.name &&
        manifest.architecture === architecture &&
        manifest.distribution === `${distribution.id} ${distribution.codename}`,
    )
    const file = join(
      folder,
      'refused/ahead',
      `${[recipe.name, architecture, ...Object.values(distribution)].join('-')}.json`,
    )
    const [target] = targets
    if (known || !target || noTwinBecause({ recipe, target, version: '' }) !== undefined) return undefined
    if (await isRefused(file)) return undefined
    return makings
      .make({
        matches: (apt) => matchesOf(recipe, target, apt),
        recipe: recipe.name,
        about,
        targets,
        architecture,
        distribution,
      })
      .catch(async (thrown: unknown) => {
        const error = toXbuildError(thrown)
        if (error.code !== 'NOT_FOUND') return undefined // who needs the program asks again, and is told
        const refusal: Refusal = { architecture, path: recipe.name, reason: error.message, at: Date.now() }
        await writeFileAtomic(file, JSON.stringify(refusal), { fsync: false }).catch(() => undefined)
        return undefined
      })
  }

  return {
    async begin(scripts, image) {
      if (!hostTarget()) return
      const all = await recipes()
      for (const { recipe: name, starts } of scripts.flatMap(foresee)) {
        const recipe = all.find((one) => one.name === name)
        const key = `${image.architecture} ${name}`
        expected.set(key, Math.max(starts, expected.get(key) ?? 0))
        if (!recipe || recipe.sibling || ahead.has(key)) continue
        if (image.ownGo && recipe.family === 'go') continue
        const { id, codename } = image.distribution
        const about = `${recipe.about} of ${id} ${codename} for ${PACK_TARGETS[image.architecture]?.[0]?.debian ?? image.architecture}`
        ahead.set(key, { since: Date.now(), starts, pack: make(recipe, about, image).catch(() => undefined) })
      }
    },
    of: (architecture, recipe) => ahead.get(`${architecture} ${recipe}`),
    starts: (architecture, recipe) => expected.get(`${architecture} ${recipe}`) ?? 0,
  }
}

/** A recipe with the version that the distribution uses by itself, where its programs have versions. */
export function matchesOf(recipe: Recipe, target: PackTarget, apt: Pick<Apt, 'versions'>): RecipeMatch[] {
  if (!recipe.path.includes('(?<version>')) return [{ recipe, target, version: '' }]
  const [name, pattern] =
    recipe.family === 'go' ? (['golang-go', DEFAULTS['golang-go']] as const) : (['gcc', DEFAULTS.gcc] as const)
  const version =
    recipe.family === 'tool'
      ? undefined
      : apt
          .versions(name, target.debian)[0]
          ?.depends.map((one) => pattern.exec(one)?.[1])
          .find((one) => one !== undefined)
  if (version !== undefined) return [{ recipe, target, version }]
  return recipe.versions ? [{ recipe, target, version: '' }] : []
}

async function isRefused(file: string): Promise<boolean> {
  try {
    return isFresh(JSON.parse(await readFile(file, 'utf8')) as Refusal)
  } catch {
    return false
  }
}
