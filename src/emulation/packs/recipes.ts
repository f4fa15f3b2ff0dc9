import { compact } from '../../compact.ts'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { XbuildError } from '../../errors.ts'
import { ARCHITECTURES } from '../architectures.ts'
import type { Recipe, RecipeMatch, Unlike } from './recipe.ts'
import { hostTarget, type PackTarget } from './targets.ts'

/** The folder of the recipes, beside `dist` in a package and in a checkout. Throws HOST when it is not there. */
export function recipesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let up = 0; up < 6; up++, folder = dirname(folder)) {
    if (existsSync(join(folder, 'qemu/packs'))) return join(folder, 'qemu/packs')
  }
  throw new XbuildError('HOST', 'Cannot find the recipes of packs: the folder qemu/packs of xbuild is missing', {
    hint: 'Install xbuild again',
  })
}

/** All recipes, by name. */
export async function readRecipes(folder: string = recipesFolder()): Promise<Recipe[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  return Promise.all(
    names.map(async (name) => {
      const recipe = JSON.parse(await readFile(join(folder, name), 'utf8')) as Recipe
      const tellers = tellersOf(recipe)
      return tellers.length === 0 ? recipe : { ...recipe, told: await digestOf(tellers, join(folder, '..')) }
    }),
  )
}

/** Sources of what a pack brings to tell its twin of the image's machine: a pack with an older version is made again. */
function tellersOf({ speculative, guest }: Recipe): string[] {
  if (speculative !== undefined) return [`speculate/${speculative}.cjs`, 'speculate/facts.cjs', 'handler/speculate.c']
  return guest ? ['guest.c', 'staying.c', 'staying.h'].map((name) => `handler/${name}`) : []
}

async function digestOf(files: readonly string[], folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}

/** The recipe for a program by its path in an image of `targets`, if there is one; best one that makes twins. */
export function matchRecipe(
  recipes: readonly Recipe[],
  path: string,
  targets: readonly PackTarget[],
): RecipeMatch | undefined {
  const found = matchRecipes(recipes, path, targets)
  return found.find((match) => noTwinBecause(match) === undefined) ?? found[0]
}

/** Every recipe that a program of that path may be of: several programs may be called `awk`. */
function matchRecipes(recipes: readonly Recipe[], path: string, targets: readonly PackTarget[]): RecipeMatch[] {
  return recipes.flatMap((recipe) => {
    for (const target of targets) {
      const match = matchOne(recipe, path, target)
      if (match) return [match]
    }
    return []
  })
}

function matchOne(recipe: Recipe, path: string, target: PackTarget): RecipeMatch | undefined {
  const pattern = recipe.path
    .replaceAll('{triple}', target.triple)
    .replaceAll('{goarch}', target.goarch)
    .replace('{program}', `(?<program>${programsOf(recipe).map(literally).join('|')})`)
  const found = new RegExp(pattern).exec(path)
  if (!found || (found.groups?.['triple'] ?? target.triple) !== target.triple) return undefined
  const { version = '', program } = found.groups ?? {}
  return { recipe, target, version, ...compact({ program }) }
}

/** The programs of a recipe for several, the first of which stands for its pack; none of one for a single program. */
export function programsOf({ programs = {} }: Recipe): readonly string[] {
  return Object.keys(programs)
}

const literally = (text: string) => text.replace(/[[\]^$.*+?(){}|]/g, '\\$&')

function unlikeOf({ recipe, target: { goarch } }: RecipeMatch): readonly Unlike[] {
  const { bits, endian } = ARCHITECTURES.find(({ name }) => name === goarch)!
  return (recipe.unlike ?? []).filter(
    (one) => one.bits === bits || one.endian === endian || (one.except !== undefined && !one.except.includes(goarch)),
  )
}

/** Why programs of that architecture have no twin by this recipe; nothing where they may have one. */
export function noTwinBecause(match: RecipeMatch): string | undefined {
  const { recipe, target } = match
  if (recipe.only && !recipe.only.includes(target.goarch)) return `on ${target.goarch} nobody has compared it yet`
  return unlikeOf(match).find(({ rules }) => rules === undefined)?.because
}

/** Every part of a compiler that has no twin on these architectures by what its recipe says, with the reason. */
export function neverTwins(recipes: readonly Recipe[], targets: readonly PackTarget[]): string[] {
  const found = recipes
    .filter((recipe) => !isMinor(recipe))
    .flatMap((recipe) =>
      targets.map((target) => [recipe.name, noTwinBecause({ recipe, target, version: '' })] as const),
    )
  return [...new Set(found.flatMap(([name, because]) => (because === undefined ? [] : [`${name}: ${because}`])))]
}

/** What the handler is to look at before it starts a twin by this recipe. */
export function rulesOf(match: RecipeMatch): string[] {
  const { edits, moves, letters, guest, scripts, rules } = match.recipe
  // Written down, so that a pack with others is not taken for a current one
  const changed = edits ?? (moves || letters ? { ...moves, ...letters } : undefined)
  const told = guest || scripts ? [`# With ${JSON.stringify({ guest, scripts })}`, ...(scripts ? ['text -'] : [])] : []
  const edited = changed ? [`# Changed in the program: ${JSON.stringify(changed)}`] : []
  const [first] = programsOf(match.recipe)
  const program = match.program ?? first
  const { told: script } = match.recipe
  return [
    ...edited,
    ...(script === undefined ? [] : [`# Told by ${script}`]),
    ...told,
    ...(first === undefined ? [] : [`# One of ${programsOf(match.recipe).length}`]),
    ...rules,
    ...(program === undefined ? [] : (match.recipe.programs?.[program] ?? [])),
    ...unlikeOf(match).flatMap(({ because, rules: more = [] }) => [`# ${because}`, ...more]),
  ].map((rule) => fill(rule, match))
}

/** Whether the twin of a program of a recipe is told the image's machine by the pack's library. */
export function isGuest({ guest }: Recipe, program: string): boolean {
  return guest !== undefined && guest.programs?.includes(program) !== false
}

export function secondsOf(recipe: Recipe | undefined): number {
  return recipe?.seconds ?? 1
}

/** Whether a build can well do without its twin, so that nothing is said of it, or refused, where there is none. */
export function isMinor({ family, minor }: Recipe): boolean {
  return minor === true || family === 'tool' || family === 'driver'
}

/** The file names of programs that any recipe is for: only these does the handler ask about. */
export function programNames(recipes: readonly Recipe[], targets: readonly PackTarget[]): string[] {
  const usable = recipes.filter(({ only }) => !only || targets.some(({ goarch }) => only.includes(goarch)))
  const files = usable.flatMap((recipe) => {
    const { target, versions, names: more = [] } = recipe
    const own = target.files.map((file) => file.slice(file.lastIndexOf('/') + 1))
    const names = [...own.flatMap((name) => (name === '{program}' ? programsOf(recipe) : [name])), ...more]
    return versions ? names.flatMap((name) => versions.map((version) => name.replaceAll('{version}', version))) : names
  })
  const filled = targets.flatMap(({ triple }) => files.map((name) => name.replaceAll('{triple}', triple)))
  return [
    ...new Set(
      filled.flatMap((name) => [
        name,
        ...targets.flatMap(({ triple }) => (name.startsWith(`${triple}-`) ? [name.slice(triple.length + 1)] : [])),
      ]),
    ),
  ].sort()
}

/** Puts version (`{digits}`: without dots) and triple into a text of a recipe; in names of packages an underscore is a hyphen. */
export function fill(
  text: string,
  { recipe, target, version, program }: RecipeMatch,
  kind: 'file' | 'package' = 'file',
): string {
  const triple = kind === 'package' ? target.triple.replaceAll('_', '-') : target.triple
  return text
    .replaceAll('{triple}', triple)
    .replaceAll('{goarch}', target.goarch)
    .replaceAll('{debian}', target.debian)
    .replaceAll('{host}', hostTarget()?.goarch ?? '')
    .replaceAll('{version}', version)
    .replaceAll('{digits}', version.replaceAll('.', ''))
    .replaceAll('{program}', program ?? programsOf(recipe)[0] ?? '')
}
