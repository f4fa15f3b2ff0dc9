import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { likeness } from './alike.ts'
import type { Apt } from './apt.ts'
import type { AptPackage } from './apt-stanzas.ts'
import type { WantedMember } from './deb-members.ts'
import { readElfFile } from './elf.ts'
import type { Distribution } from './os-release.ts'
import type { Origin, RecipeMatch } from './recipe.ts'
import { fill, programsOf } from './recipes.ts'
import { buildFrom, findSources, howToBuild, type BuildFromSource } from './source/from-source.ts'
import type { PackTarget } from './targets.ts'

export interface PairOptions {
  readonly apt: Apt
  readonly match: RecipeMatch
  readonly distribution: Distribution
  readonly host: PackTarget
  /** Build-id that the program must have; absent: whatever the archive has now. */
  readonly id?: string
  /** It is a library whose own ones are there already: those of its package are left out. */
  readonly alone?: true
  /** Builds what no package has; absent: nothing is built. */
  readonly build?: BuildFromSource | undefined
  readonly signal: AbortSignal
}

/** A program of the image's architecture and its twin, unpacked. */
export interface Pair {
  /** With the version that was found, where the program's path tells none. */
  readonly match: RecipeMatch
  readonly target: Found
  readonly native: AptPackage
  readonly libraries: readonly AptPackage[]
  /** Folders of the twin's packages, and the twin in one of them. */
  readonly roots: readonly string[]
  readonly program: string
  /** What the twin must be told to do the same. */
  readonly rules: readonly string[]
}

/**
 * Finds both of them in the archive and unpacks them into a folder. Throws NOT_FOUND with the reason when they were
 * not built alike.
 */
export async function findPair(options: PairOptions, folder: string): Promise<Pair> {
  const { apt } = options
  apt.fetch(likely(options))
  const target = await findTarget(options)
  const { match } = target
  const { native, sources } = findNative({ ...options, match }, target)
  const libraries = options.alone ? [] : apt.libraries([native.name])
  const unpackedLibraries = apt.folders(libraries)
  unpackedLibraries.catch(() => undefined)
  const root = sources ? join(folder, 'native') : await folderFor({ apt, match }, native)
  if (sources) {
    await apt.unpack(libraries, root)
    await buildFrom({ ...options, match }, { sources, program: target.says, root })
  }
  const roots = [root, ...(await unpackedLibraries)]
  const program = await findFile(
    roots,
    match.recipe.native.files.map((file) => fill(file, match)),
  )
  if (!program) throw noPair(match, `${native.name} ${native.version} for ${native.architecture} does not hold it`)
  const alike = await likeness(match.recipe.family, { root: target.root, file: target.says }, { root, file: program })
  if ('unlike' in alike) throw noPair(match, alike.unlike)
  return { match, target, native: sources ?? native, libraries, roots, program, rules: alike.rules }
}

interface Found {
  readonly match: RecipeMatch
  readonly found: AptPackage
  /** Folder of the package. */
  readonly root: string
  readonly file: string
  /** What says how it was configured. */
  readonly says: string
  readonly id: string
}

/** What will most likely be unpacked: fetched in one go, it is there when it is asked for. */
function likely({ apt, match, host, alone }: PairOptions): AptPackage[] {
  const { recipe, target } = match
  for (const version of versionsOf(match)) {
    const firstOf = ({ packages }: Origin, architecture: string) =>
      packages.flatMap((name) =>
        apt.versions(fill(name, { ...match, version }, 'package'), architecture).slice(0, 1),
      )[0]
    const [one, native] = [firstOf(recipe.target, target.debian), firstOf(recipe.native, host.debian)]
    if (one && native) return [one, native, ...(alone ? [] : apt.libraries([native.name]))]
  }
  return []
}

function versionsOf({ version, recipe }: RecipeMatch): readonly string[] {
  return version === '' && recipe.versions ? recipe.versions : [version]
}

/** The program of the image's architecture, from the archive: only it tells which build-id belongs to which source. */
async function findTarget({ apt, match, id, distribution }: PairOptions): Promise<Found> {
  const candidates: string[] = []
  for (const version of versionsOf(match)) {
    const one = { ...match, version }
    for (const name of match.recipe.target.packages.map((text) => fill(text, one, 'package'))) {
      for (const found of apt.versions(name, match.target.debian)) {
        const root = await folderFor({ apt, match: one }, found)
        const others = await idsOf(one, root)
        const file = await findFile([root], targetFiles(one))
        if (!file) continue
        const own = readElfFile(file)?.id
        if (own !== undefined && (id === undefined || own === id || others.has(id)))
          return {
            match: one,
            found,
            root,
            file,
            says: (await findFile([root], configuredFiles(one))) ?? file,
            id: own,
          }
        candidates.push(`${name} ${found.version}`)
      }
    }
  }
  const where = `${distribution.id} ${distribution.codename}`
  if (candidates.length === 0) throw noPair(match, `${where} has no package of it for ${match.target.debian}`)
  throw noPair(match, `it is not that of ${candidates.join(' or ')} in ${where} (another build-id)`)
}

/** The folder of a package, or of what is read of it: it may have far larger programs behind that. */
async function folderFor(options: Pick<PairOptions, 'apt' | 'match'>, found: AptPackage): Promise<string> {
  const { apt, match } = options
  const wanted = membersOf(match, found)
  const folder = wanted && (await apt.folderOfMembers(found, wanted))
  if (folder === undefined || !(await findFile([folder], filesOf(match, found))))
    return (await apt.folders([found]))[0]!
  return folder
}

const isTarget = ({ target }: RecipeMatch, { architecture }: AptPackage) => architecture === target.debian

const filesOf = (match: RecipeMatch, found: AptPackage) =>
  (isTarget(match, found) ? match.recipe.target : match.recipe.native).files.map((file) => fill(file, match))

/** What is read of a package; nothing: all of it. */
function membersOf(match: RecipeMatch, found: AptPackage): readonly WantedMember[] | undefined {
  const { recipe } = match
  if (recipe.reads) return recipe.reads.map((pattern) => ({ path: likePattern(pattern) }))
  const files = filesOf(match, found)
  if (recipe.configured && isTarget(match, found))
    return [{ path: likeOneOf(configuredFiles(match)) }, { path: likeOneOf(files), first: FIRST }]
  const names = files.map((file) => basename(file))
  const shortest = names.toSorted((one, other) => one.length - other.length)[0]
  const isDriver =
    recipe.family === 'driver' && shortest !== undefined && names.every((name) => name.endsWith(shortest))
  return isDriver ? [{ path: likePattern(`./usr/*${shortest}`) }] : undefined
}

/** Headers and notes of a program lie within so much of it. Bytes. */
const FIRST = 1 << 16

const configuredFiles = (match: RecipeMatch) => (match.recipe.configured ?? []).map((file) => fill(file, match))

const literally = (text: string) => text.replace(/[[\]^$.+?(){}|\\]/g, '\\$&')

/** A path as a pattern of tar(1) describes it. */
function likePattern(pattern: string): RegExp {
  return new RegExp(`^${literally(pattern).replaceAll('*', '.*')}$`)
}

function likeOneOf(files: readonly string[]): RegExp {
  return new RegExp(`^\\./(?:${files.map(literally).join('|')})$`)
}

/** Build-ids of the programs of a recipe for several. */
async function idsOf(match: RecipeMatch, root: string): Promise<ReadonlySet<string | undefined>> {
  const found = new Set<string | undefined>()
  for (const program of programsOf(match.recipe)) {
    const file = await findFile([root], targetFiles({ ...match, program }))
    if (file) found.add(readElfFile(file)?.id)
  }
  return found
}

/** Where a program may be in the packages of the image's architecture. */
export function targetFiles(match: RecipeMatch): string[] {
  return match.recipe.target.files.map((text) => fill(text, match))
}

/** The package of the twin; or one that needs the same libraries, and the one with the sources that it is built from. */
function findNative(
  { apt, match, host, build, distribution }: PairOptions,
  { found: { source } }: Found,
): { native: AptPackage; sources?: AptPackage } {
  const candidates: string[] = []
  for (const name of match.recipe.native.packages.map((one) => fill(one, match, 'package'))) {
    for (const found of apt.versions(name, host.debian)) {
      const from = found.source.name === source.name ? found.source.version : found.builtUsing.get(source.name)
      if (from === source.version) return { native: found }
      candidates.push(`${name} ${found.version} is built from ${source.name} ${from ?? 'nothing of it'}`)
    }
  }
  const sources = findSources(apt, match, source)
  const own = sources && apt.versions(`cpp-${match.version}`, host.debian)[0]
  if (build && own) return { native: own, sources }
  throw noPair(
    match,
    candidates.length === 0
      ? `there is no such program for ${host.debian}`
      : `${candidates.join(', ')}, the image's from ${source.version}`,
    own && howToBuild(match, distribution),
  )
}

/** Rules that the image's libraries of the program's own source are those of the source that the twin's are of. */
export async function sameLibraries(
  { apt, match }: PairOptions,
  { found: { source }, root }: Found,
  { libraries, made }: { libraries: readonly AptPackage[]; made: string },
): Promise<string[]> {
  const own = libraries.filter((one) => one.source.name === source.name)
  const other = own.find((one) => one.source.version !== source.version)
  if (other) throw noPair(match, `${other.name} ${other.version} is of another source version than ${source.version}`)
  const counterparts = own.map(({ name }) => {
    const found = apt.versions(name, match.target.debian).find((one) => one.source.version === source.version)
    if (!found) throw noPair(match, `there is no ${name} of ${source.version} for ${match.target.debian}`)
    return found
  })
  const roots = [root, ...(await apt.folders(counterparts))]
  const rules: string[] = []
  for (const name of (await readdir(join(made, 'lib'))).sort()) {
    const places = [`usr/lib/${match.target.triple}/${name}`, `lib/${match.target.triple}/${name}`]
    const file = await findFile(roots, places)
    const id = file && readElfFile(file)?.id
    if (file && !id) throw noPair(match, `its library ${name} has no build-id`)
    if (file) rules.push(`same ${dirname(pathIn(roots, file))}/${name} ${id}`)
  }
  return rules
}

export function noPair({ recipe, target, version }: RecipeMatch, state: string, hint?: string): XbuildError {
  return new XbuildError(
    'NOT_FOUND',
    `Cannot make a pack for ${[recipe.name, version].filter(Boolean).join(' ')} (${target.debian}): ${state}`,
    hint === undefined ? {} : { hint },
  )
}

/** The first of those files that is there, as a real path inside of one of the folders. */
export async function findFile(roots: readonly string[], files: readonly string[]): Promise<string | undefined> {
  for (const file of files)
    for (const root of roots) {
      const real = await realpath(join(root, file)).catch(() => undefined)
      if (real?.startsWith(root + sep) && (await stat(real)).isFile()) return real
    }
  return undefined
}

/** The path of a file in the image, which lies in one of the folders. */
function pathIn(roots: readonly string[], file: string): string {
  return file.slice(roots.find((root) => file.startsWith(root + sep))!.length)
}
