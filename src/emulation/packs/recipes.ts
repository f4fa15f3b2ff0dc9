import { compact } from '../../compact.ts'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { XbuildError } from '../../errors.ts'
import { ARCHITECTURES } from '../architectures.ts'
import type { Edits } from './driver-edits.ts'
import { hostTarget, type PackTarget } from './targets.ts'

/**
 * How a pack is made, as `qemu/packs/NAME.json` says it. `{triple}`, `{goarch}`, `{debian}` (the architecture as
 * Debian calls it) and `{version}` stand for those of the program, `{host}` for GOARCH of this machine.
 */
export interface Recipe {
  readonly name: string
  readonly about: string
  /** The end of the path of a program that this is for, as a regular expression. */
  readonly path: string
  /**
   * What more must agree than the source version. What a `tool` writes depends on no CPU: its libraries of the same
   * source must be the same, too. A `driver` only starts others.
   */
  readonly family: 'gcc' | 'driver' | 'binutils' | 'go' | 'tool'
  /**
   * What `{version}` in the names of programs may be, where one may be called by a name without it, the likeliest
   * first; absent: no name has one.
   */
  readonly versions?: readonly string[]
  /** Further names that it is called by. */
  readonly names?: readonly string[]
  /**
   * Where one pack has several programs of one package, their names, and for each the rules that follow the common
   * ones. `{program}` stands for a name in `files`, for all of them in `path`.
   */
  readonly programs?: Readonly<Record<string, readonly string[]>>
  /** The twins are those of the image's sibling in its index: there are no packages. */
  readonly sibling?: true
  /**
   * The twin answers as the program where it can, and ends the attempt where it cannot: only for builds that speculate.
   * Names the script `qemu/speculate/NAME.cjs` that does so.
   */
  readonly speculative?: string
  /** Digest of that script and what belongs to it. Not in the file. */
  readonly told?: string
  /** Builds lose little without its twin: it is never required. So are drivers and tools. */
  readonly minor?: true
  /** What a start of it takes longer under QEMU, usually, in CPU seconds. */
  readonly seconds?: number
  /** What making its pack takes, beside the packages of others, in CPU seconds of the same machine. */
  readonly making?: number
  /** The program in the packages of the image's architecture. */
  readonly target: Origin
  /** Its twin in the packages of this machine's. */
  readonly native: Origin
  /** What is changed in the twin. */
  readonly edits?: Edits
  /** Texts in the twin that tell its machine, and what they are in the program: `move-texts.ts`. */
  readonly moves?: Readonly<Record<string, string>>
  /** Instructions of the twin that work on letters as on its own CPU, and others in their place: `move-texts.ts`. */
  readonly letters?: Readonly<Record<string, string>>
  /** Code that names those texts has their lengths beside them. */
  readonly sized?: true
  /** The twin is told by a library what its own machine would tell otherwise: `guest.ts`. */
  readonly guest?: Guest
  /** Only scripts of these packages, as they are there, are run by the twin. */
  readonly scripts?: Scripts
  /** A library that both load. */
  readonly companion?: Companion
  /** Further files of the pack: name in its folder -> content. */
  readonly files?: Readonly<Record<string, string>>
  /** With what a twin is tried, and what it prints then; absent: arguments that print a version. */
  readonly tryOut?: { readonly args: readonly string[]; readonly says?: string }
  /** Lines for the handler, see `qemu/handler/handler.c`. */
  readonly rules: readonly string[]
  /**
   * What holds besides for architectures that are unlike the machines that twins run on, which have 64 bits and are
   * little-endian.
   */
  readonly unlike?: readonly Unlike[]
  /** The only architectures, as GOARCH, on which twins were compared; absent: see `unlike`. */
  readonly only?: readonly string[]
}

/** What a twin takes its machine for, and the libraries that it loads by itself. */
export interface Guest {
  /** Path of the program in images. */
  readonly program: string
  /** Its machine, as `uname -m` tells it. */
  readonly machine: string
  /** It makes system calls by their numbers on its own machine; absent: scripts could, by those of the image's. */
  readonly calls?: 'own'
  /** Packages with such libraries, besides its own: of the same source, or (`others`) of one for both CPUs. */
  readonly packages: readonly string[]
  readonly others?: readonly string[]
  /** Paths of the libraries behind `/usr/lib/{triple}/`, as a regular expression. */
  readonly modules: string
}

export interface Scripts {
  readonly packages: readonly string[]
  /** The first line of a script, as a regular expression. */
  readonly first: string
  /** Paths of those that are left out, as a regular expression. */
  readonly except?: string
}

/**
 * A library that a program loads as it likes, of another source: the image's must be the one whose twin comes into
 * the pack, as `lib/<its file name>`.
 */
export interface Companion extends Pick<Recipe, 'family' | 'versions' | 'target' | 'native'> {
  /** Where images have it; absent: at its own place, and the twin is named in the place of it. */
  readonly path?: string
  /** The argument after which the program is told where it is. */
  readonly option?: string
}

/**
 * Why programs of some architectures write other bytes than their twins, and the rules that keep to what is the same;
 * without rules there is no twin.
 */
export interface Unlike {
  readonly bits?: 32
  readonly endian?: 'big'
  /** All architectures but these (GOARCH). */
  readonly except?: readonly string[]
  readonly because: string
  readonly rules?: readonly string[]
}

/** Where a program is found: the first of each that is there. */
export interface Origin {
  readonly packages: readonly string[]
  readonly files: readonly string[]
}

/** A recipe for the program of a path. */
export interface RecipeMatch {
  readonly recipe: Recipe
  readonly target: PackTarget
  readonly version: string
  /** Of a recipe for several; absent: the first. */
  readonly program?: string
}

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
      return recipe.speculative === undefined ? recipe : { ...recipe, told: await toldBy(recipe.speculative, folder) }
    }),
  )
}

async function toldBy(name: string, folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of [`speculate/${name}.cjs`, 'speculate/facts.cjs', 'handler/speculate.c'])
    hash.update(await readFile(join(folder, '..', file)))
  return hash.digest('hex').slice(0, 16)
}

/** The recipe for a program by its path in an image of `targets`, if there is one. */
export function matchRecipe(
  recipes: readonly Recipe[],
  path: string,
  targets: readonly PackTarget[],
): RecipeMatch | undefined {
  return matchRecipes(recipes, path, targets)[0]
}

/** Every recipe that a program of that path may be of: several programs may be called `awk`. */
export function matchRecipes(recipes: readonly Recipe[], path: string, targets: readonly PackTarget[]): RecipeMatch[] {
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

export function secondsOf(recipe: Recipe | undefined): number {
  return recipe?.seconds ?? 1
}

export function makingCost(recipe: Recipe | undefined): number {
  return recipe?.making ?? 2
}

/** Whether a build can well do without its twin, so that nothing is said of it, or refused, where there is none. */
export function isMinor({ family, minor }: Recipe): boolean {
  return minor === true || family === 'tool' || family === 'driver'
}

/** The file names of programs that any recipe is for: only these does the handler ask about. */
export function programNames(recipes: readonly Recipe[], targets: readonly PackTarget[]): string[] {
  const files = recipes.flatMap((recipe) => {
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

/** Puts version and triple into a text of a recipe; in names of packages an underscore is a hyphen. */
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
    .replaceAll('{program}', program ?? programsOf(recipe)[0] ?? '')
}
