import { copyFile, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { XbuildError } from '../../../errors.ts'
import type { Apt } from '../apt.ts'
import type { AptPackage } from '../apt-stanzas.ts'
import { configuredWith } from '../elf.ts'
import type { Distribution } from '../os-release.ts'
import type { RecipeMatch } from '../recipe.ts'
import type { PackTarget } from '../targets.ts'
import { howLong, isBuildable, jobsOn, placeOf, sourceDockerfile, sourcePackage, toolPackages } from './gcc-source.ts'

/** What is built, in a sandbox without network: it has nothing but the folder. */
export interface SourceTask {
  /** For people. */
  readonly about: string
  /** How long it is expected to take, in words. */
  readonly expected: string
  readonly dockerfile: string
  /** Tools and sources: the context. */
  readonly folder: string
  /** Where the programs go, each named like its recipe. */
  readonly output: string
}

/** Runs such a build. */
export type BuildFromSource = (task: SourceTask, options: { readonly signal: AbortSignal }) => Promise<void>

/** The package with the very source that a program was built from, where it can be built from it. */
export function findSources(
  apt: Pick<Apt, 'versions'>,
  match: RecipeMatch,
  source: AptPackage['source'],
): AptPackage | undefined {
  if (!isBuildable(match)) return undefined
  const found = apt.versions(sourcePackage(source.name), 'all')
  return found.find((one) => one.source.name === source.name && one.source.version === source.version)
}

/** What makes such a pack, in words. */
export function howToBuild({ recipe, version, target }: RecipeMatch, { id, codename }: Distribution): string {
  // All of one build: the further ones cost nothing
  const names = [...new Set([recipe.name, 'cc1', 'cc1plus', 'gcc', 'g++'])].map((name) => `${name}@${version}`)
  return (
    `It can be built from source once, in ${howLong(availableParallelism())}: ` +
    `xbuild pack build ${names.join(' ')} --from ${id}:${codename} --platform linux/${target.goarch} --from-source`
  )
}

/** Builds a program out of its sources, and puts it where a package would have it. */
export async function buildFrom(
  {
    apt,
    match,
    host,
    distribution,
    build,
    signal,
  }: {
    readonly apt: Apt
    readonly match: RecipeMatch
    readonly host: PackTarget
    readonly distribution: Distribution
    readonly build?: BuildFromSource | undefined
    readonly signal: AbortSignal
  },
  { sources, program, root }: { readonly sources: AptPackage; readonly program: string; readonly root: string },
): Promise<void> {
  const cpus = availableParallelism()
  const folder = `${root}-tools`
  const output = `${root}-made`
  await apt.unpack([...apt.closure(toolPackages(match.version, match.target)), sources], folder)
  await prepare(folder, distribution.id)
  const configured = configuredWith(await readFile(program))
  const dockerfile = sourceDockerfile({ match, source: sources.name, configured, host, jobs: jobsOn(cpus) })
  const about = `${sources.source.name} ${sources.source.version} for ${match.target.debian}`
  await build!({ about, expected: howLong(cpus), dockerfile, folder, output }, { signal })
  const place = join(root, placeOf(match))
  await mkdir(dirname(place), { recursive: true })
  const built = join(output, match.recipe.name)
  // The build is that of a stranger's sources: a link would be followed on this machine
  if (!(await lstat(built)).isFile()) throw new XbuildError('INTERNAL', `The build of ${about} made no program`)
  await copyFile(built, place)
  for (const done of [folder, output]) await rm(done, { recursive: true, force: true })
}

/** What the scripts of packages would make, as far as the build needs it. */
async function prepare(folder: string, distribution: string): Promise<void> {
  for (const name of ['tmp', 'etc/dpkg/origins', 'usr/bin']) await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  for (const [to, at] of [
    ['gawk', 'usr/bin/awk'],
    [distribution, 'etc/dpkg/origins/default'],
  ] as const)
    await symlink(to, join(folder, at)).catch(() => undefined) // it is there
}
