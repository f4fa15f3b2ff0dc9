import { join } from 'node:path'
import { toXbuildError } from '../../errors.ts'
import type { Apt } from './apt.ts'
import type { SourceFiles } from './compiling.ts'
import { worthMaking } from './costs.ts'
import { foresee, type Foreseen } from './foresee.ts'
import type { Makings } from './makings.ts'
import type { Distribution } from './os-release.ts'
import type { Pack } from './pack.ts'
import type { Recipe, RecipeMatch } from './recipe.ts'
import { noTwinBecause, secondsOf } from './recipes.ts'
import { findRefusal, keepRefusal } from './refusal.ts'
import { hostTarget, PACK_TARGETS, type PackTarget } from './targets.ts'

/** A pack that is made before a program asks for it. */
export interface Ahead {
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Nothing when the archive has no such pair, or cannot be reached. */
  readonly pack: Promise<Pack | undefined>
}

/** What a RUN will do. */
export interface ForeseenStep {
  readonly script: string
  /** What it finds to compile, as far as that is known. */
  readonly sources?: SourceFiles | undefined
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
  /** Makes those that cost less than emulating these steps without them. */
  begin(steps: readonly ForeseenStep[], image: ForeseenImage): Promise<void>
  /** What is being made, or was, for programs of a recipe. */
  of(architecture: string, recipe: string): Ahead | undefined
  /** What all steps are expected to take longer without a pack, in CPU seconds, whether or not it is made ahead. */
  gain(architecture: string, recipe: string): number
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
  const steps = new Map<string, { readonly architecture: string; readonly programs: readonly Foreseen[] }>()
  const gains = new Map<string, number>()

  /** All steps together: each is told again whenever another one begins. */
  async function reckon(): Promise<void> {
    const all = new Map((await recipes()).map((recipe) => [recipe.name, recipe]))
    gains.clear()
    for (const { architecture, programs } of steps.values())
      for (const { recipe, starts, gain = starts * secondsOf(all.get(recipe)) } of programs) {
        const key = `${architecture} ${recipe}`
        gains.set(key, gain + (gains.get(key) ?? 0))
      }
  }

  const refusalOf = ({ name }: Recipe, { architecture, distribution }: ForeseenImage) =>
    join('ahead', [name, architecture, ...Object.values(distribution)].join('-'))

  async function canBeMade(recipe: Recipe, image: ForeseenImage): Promise<boolean> {
    const { architecture, distribution, ownGo } = image
    if (recipe.sibling || (ownGo && recipe.family === 'go')) return false
    const known = (await packs()).some(
      ({ manifest }) =>
        manifest.recipe === recipe.name &&
        manifest.architecture === architecture &&
        manifest.distribution === `${distribution.id} ${distribution.codename}`,
    )
    const target = PACK_TARGETS[architecture]?.[0]
    if (known || !target || noTwinBecause({ recipe, target, version: '' }) !== undefined) return false
    return (await findRefusal(folder, refusalOf(recipe, image))) === undefined
  }

  function make(recipe: Recipe, image: ForeseenImage): Promise<Pack | undefined> {
    const { architecture, distribution } = image
    const target = PACK_TARGETS[architecture]![0]!
    return makings
      .make({
        matches: (apt) => matchesOf(recipe, target, apt),
        recipe: recipe.name,
        common: Object.keys(recipe.common ?? {}),
        about: `${recipe.about} of ${distribution.id} ${distribution.codename} for ${target.debian}`,
        targets: [target],
        architecture,
        distribution,
      })
      .catch(async (thrown: unknown) => {
        const error = toXbuildError(thrown)
        if (error.code !== 'NOT_FOUND') return undefined // who needs the program asks again, and is told
        const refusal = { architecture, path: recipe.name, reason: error.message }
        await keepRefusal(folder, refusalOf(recipe, image), refusal)
        return undefined
      })
  }

  return {
    async begin(wanted, image) {
      if (!hostTarget()) return
      const { architecture, distribution } = image
      for (const { script, sources } of wanted) {
        const key = JSON.stringify([architecture, distribution, script, sources])
        if (!steps.has(key)) steps.set(key, { architecture, programs: foresee(script, sources) })
      }
      await reckon()
      const all = await recipes()
      const candidates: { readonly recipe: Recipe; readonly key: string; readonly gain: number }[] = []
      for (const name of new Set([...steps.values()].flatMap(({ programs }) => programs.map((one) => one.recipe)))) {
        const recipe = all.find((one) => one.name === name)
        const key = `${architecture} ${name}`
        const gain = gains.get(key) ?? 0
        if (recipe && gain > 0 && (await canBeMade(recipe, image))) candidates.push({ recipe, key, gain })
      }
      const worth = worthMaking(candidates, makings.read(architecture))
      if (worth.gain <= makings.opening()) return // the archive is opened for all of them
      for (const { recipe, key } of worth.chosen)
        if (!ahead.has(key)) ahead.set(key, { since: Date.now(), pack: make(recipe, image).catch(() => undefined) })
    },
    of: (architecture, recipe) => ahead.get(`${architecture} ${recipe}`),
    gain: (architecture, recipe) => gains.get(`${architecture} ${recipe}`) ?? 0,
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
