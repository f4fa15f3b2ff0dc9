import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { exists } from '../../host/files.ts'
import { runProgram } from '../../host/spawn.ts'
import { likeness } from './alike.ts'
import type { Apt, AptPackage } from './apt.ts'
import { editDriver } from './driver-edits.ts'
import { readElf } from './elf.ts'
import type { Distribution } from './os-release.ts'
import { manifestText, packDigest, type Pack, type PackFile, type PackManifest } from './pack.ts'
import { removePack, verifyPack } from './pack-folder.ts'
import { fill, noTwinBecause, rulesOf, type RecipeMatch } from './recipes.ts'
import type { PackTarget } from './targets.ts'

export interface MakePackOptions {
  readonly apt: Apt
  readonly match: RecipeMatch
  /** GOARCH of the image. */
  readonly architecture: string
  readonly distribution: Distribution
  readonly host: PackTarget
  /** Build-id that the program must have; absent: whatever the archive has now. */
  readonly id?: string
  /** Folder that holds all packs. */
  readonly packs: string
  readonly signal: AbortSignal
}

/**
 * Makes the pack of one program: finds the package of the image's architecture that holds exactly that program, and the package of this
 * machine's that was built from the same source. Throws NOT_FOUND with the reason when there is no such pair.
 */
export async function makePack(options: MakePackOptions): Promise<Pack> {
  const { apt, packs, signal } = options
  const refused = noTwinBecause(options.match)
  if (refused !== undefined) throw noPair(options.match, refused)
  await mkdir(packs, { recursive: true })
  const work = await mkdtemp(join(packs, `.tmp-${process.pid}-`))
  try {
    const target = await findTarget(options, join(work, 'target'))
    const { match } = target
    const native = await findNative({ ...options, match }, target)
    const libraries = await apt.libraries([native.name])
    const root = join(work, 'native')
    await apt.unpack([native, ...libraries], root)
    const program = await findFile(root, match.recipe.native.files.map((file) => fill(file, match)))
    if (!program) throw noPair(match, `${native.name} ${native.version} for ${native.architecture} does not hold it`)
    const alike = await likeness(match.recipe.family, target, { root, file: program })
    if ('unlike' in alike) throw noPair(match, alike.unlike)
    const made = join(work, 'pack')
    const name = basename(program)
    const linked = await fillPack(made, { root, program, host: options.host })
    if (match.recipe.edits) await writeFile(join(made, 'bin', name), editDriver(await readFile(program), match.recipe.edits))
    const same = match.recipe.family === 'tool' ? await sameLibraries({ ...options, match }, target, { libraries, made }) : []
    await tryOut(made, { name, linked, version: match.recipe.family === 'go' ? '-V=full' : '--version' }, signal)
    for (const [path, text] of Object.entries(match.recipe.files ?? {})) await writeFile(join(made, path), fill(text, match), { mode: 0o644 })
    const manifest: PackManifest = {
      format: 1,
      recipe: match.recipe.name,
      distribution: `${options.distribution.id} ${options.distribution.codename}`,
      architecture: options.architecture,
      host: options.host.debian,
      source: target.found.source,
      packages: [target.found, native, ...libraries].map(({ name, version, architecture, sha256 }) => ({ name, version, architecture, sha256 })),
      files: await filesOf(made),
      twin: { id: target.id, program: target.file.slice(target.root.length), rules: [...rulesOf(match), ...alike.rules, ...same, linked ? `load {pack} ${name}` : `exec {pack}/bin/${name}`] },
    }
    await writeFile(join(made, 'manifest.json'), manifestText(manifest))
    await chmod(made, 0o755)
    const digest = packDigest(manifest)
    const folder = join(packs, digest)
    const pack = { manifest, digest, folder }
    if ((await exists(folder)) && (await verifyPack(pack)).length > 0) await removePack(pack)
    await rename(made, folder).catch(async (error: unknown) => {
      if ((await verifyPack(pack)).length > 0) throw error // else another process was quicker
    })
    return pack
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

interface Found {
  /** With the version that was found, where the program's path tells none. */
  readonly match: RecipeMatch
  readonly found: AptPackage
  readonly root: string
  readonly file: string
  readonly id: string
}

/** The program of the image's architecture, from the archive: only it tells which build-id belongs to which source. */
async function findTarget({ apt, match, id, distribution }: MakePackOptions, folder: string): Promise<Found> {
  const tried: string[] = []
  const versions = match.version === '' && match.recipe.versions ? match.recipe.versions : [match.version]
  for (const version of versions) {
    const one = { ...match, version }
    for (const name of match.recipe.target.packages.map((text) => fill(text, one, 'package'))) {
      for (const found of await apt.versions(name, match.target.debian)) {
        const root = join(folder, String(tried.length))
        await apt.unpack([found], root)
        const file = await findFile(root, match.recipe.target.files.map((text) => fill(text, one)))
        if (!file) continue
        const own = readElf(await readFile(file))?.id
        if (own !== undefined && (id === undefined || own === id)) return { match: one, found, root, file, id: own }
        tried.push(`${name} ${found.version}`)
      }
    }
  }
  const where = `${distribution.id} ${distribution.codename}`
  if (tried.length === 0) throw noPair(match, `${where} has no package of it for ${match.target.debian}`)
  throw noPair(match, `it is not that of ${tried.join(' or ')} in ${where} (another build-id)`)
}

async function findNative({ apt, match, host }: MakePackOptions, { found: { source } }: Found): Promise<AptPackage> {
  const tried: string[] = []
  for (const name of match.recipe.native.packages.map((one) => fill(one, match, 'package'))) {
    for (const found of await apt.versions(name, host.debian)) {
      const from = found.source.name === source.name ? found.source.version : found.builtUsing.get(source.name)
      if (from === source.version) return found
      tried.push(`${name} ${found.version} is built from ${source.name} ${from ?? 'nothing of it'}`)
    }
  }
  throw noPair(match, tried.length === 0 ? `there is no such program for ${host.debian}` : `${tried.join(', ')}, the image's from ${source.version}`)
}

/** Rules that the image's libraries of the program's own source are those of the source that the twin's are of. */
async function sameLibraries({ apt, match }: MakePackOptions, { found: { source }, root }: Found, { libraries, made }: { libraries: readonly AptPackage[]; made: string }): Promise<string[]> {
  const own = libraries.filter((one) => one.source.name === source.name)
  const other = own.find((one) => one.source.version !== source.version)
  if (other) throw noPair(match, `${other.name} ${other.version} is of another source version than ${source.version}`)
  for (const { name } of own) {
    const counterpart = (await apt.versions(name, match.target.debian)).find((one) => one.source.version === source.version)
    if (!counterpart) throw noPair(match, `there is no ${name} of ${source.version} for ${match.target.debian}`)
    await apt.unpack([counterpart], root)
  }
  const rules: string[] = []
  for (const name of (await readdir(join(made, 'lib'))).sort()) {
    const file = await findFile(root, [`usr/lib/${match.target.triple}/${name}`, `lib/${match.target.triple}/${name}`])
    const id = file && readElf(await readFile(file))?.id
    if (file && !id) throw noPair(match, `its library ${name} has no build-id`)
    if (file) rules.push(`same ${dirname(file.slice(root.length))}/${name} ${id}`)
  }
  return rules
}

function noPair({ recipe, target, version }: RecipeMatch, state: string): XbuildError {
  return new XbuildError('NOT_FOUND', `Cannot make a pack for ${[recipe.name, version].filter(Boolean).join(' ')} (${target.debian}): ${state}`)
}

/** The first of those files that is there, as a real path inside of `root`. */
async function findFile(root: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const real = await realpath(join(root, file)).catch(() => undefined)
    if (real?.startsWith(root + sep) && (await stat(real)).isFile()) return real
  }
  return undefined
}

/** Puts the program, its loader and every library that it needs together; false when it is static and needs none. */
async function fillPack(made: string, { root, program, host }: { root: string; program: string; host: PackTarget }): Promise<boolean> {
  await mkdir(join(made, 'bin'), { recursive: true })
  await mkdir(join(made, 'lib'))
  const copy = async (from: string, to: string, mode: number) => {
    await copyFile(from, join(made, to))
    await chmod(join(made, to), mode)
  }
  const folders = [`usr/lib/${host.triple}`, `lib/${host.triple}`, 'usr/lib64', 'lib64', 'usr/lib', 'lib']
  const done = new Set<string>()
  const addNeeded = async (file: string): Promise<void> => {
    const elf = readElf(await readFile(file))
    for (const name of elf?.needed ?? []) {
      if (done.has(name)) continue
      done.add(name)
      const library = name.includes('/') ? undefined : await findFile(root, folders.map((folder) => `${folder}/${name}`))
      if (!library) throw new XbuildError('NOT_FOUND', `Cannot make a pack: the library ${name} is in none of its packages`)
      await copy(library, `lib/${name}`, 0o644)
      await addNeeded(library)
    }
  }
  await copy(program, `bin/${basename(program)}`, 0o755)
  await addNeeded(program)
  const interpreter = readElf(await readFile(program))?.interpreter
  if (interpreter === undefined && done.size === 0) return false
  const loader = interpreter && (await findFile(root, [...folders.map((folder) => `${folder}/${basename(interpreter)}`), interpreter.slice(1)]))
  if (!loader) throw new XbuildError('NOT_FOUND', `Cannot make a pack: the loader of ${basename(program)} is in none of its packages`)
  await copy(loader, 'lib/ld.so', 0o755)
  return true
}

/** Starts the twin as the handler will. */
async function tryOut(made: string, { name, linked, version }: { name: string; linked: boolean; version: string }, signal: AbortSignal): Promise<void> {
  const [program, lib] = [join(made, 'bin', name), join(made, 'lib')]
  const [first, ...args] = linked ? [join(lib, 'ld.so'), '--inhibit-cache', '--library-path', lib, '--argv0', name, program, version] as const : [program, version] as const
  await runProgram(first, args, { signal, env: {} })
}

async function filesOf(folder: string): Promise<PackFile[]> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const files: PackFile[] = []
  for (const path of names) {
    if (!(await stat(join(folder, path))).isFile()) continue
    const bytes = await readFile(join(folder, path))
    files.push({ path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
  return files
}
