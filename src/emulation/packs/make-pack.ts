import { chmod, copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { readBytes } from '../../host/read-bytes.ts'
import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import { exists } from '../../host/files.ts'
import type { Apt } from './apt.ts'
import { editDriver } from './driver-edits.ts'
import { readElfFile } from './elf.ts'
import { addGuest, GUEST } from './guest.ts'
import { keepPack } from './keep-pack.ts'
import { moveTexts, textsOf } from './move-texts.ts'
import { findFile, findPair, noPair, sameLibraries, targetFiles, type PairOptions } from './pair.ts'
import type { Pack, PackManifest, TwinOf } from './pack.ts'
import { filesOf } from './pack-files.ts'
import type { Companion, RecipeMatch } from './recipe.ts'
import { fill, isGuest, noTwinBecause, programsOf, rulesOf } from './recipes.ts'
import type { PackTarget } from './targets.ts'
import { ownMark } from '../../host/process-mark.ts'

export interface MakePackOptions extends PairOptions {
  /** GOARCH of the image. */
  readonly architecture: string
  /** Folder that holds all packs. */
  readonly packs: string
}

/**
 * Makes the pack of one program: finds the package of the image's architecture that holds exactly that program, and the
 * package of this machine's that was built from the same source. Throws NOT_FOUND with the reason when there is no such
 * pair.
 */
export async function makePack(options: MakePackOptions): Promise<Pack> {
  const { packs } = options
  const refused = noTwinBecause(options.match)
  if (refused !== undefined) throw noPair(options.match, refused)
  await mkdir(packs, { recursive: true })
  const work = await mkdtemp(join(packs, `.tmp-${ownMark()}-`))
  try {
    const { match, target, native, libraries, roots, program, rules } = await findPair(options, work)
    const made = join(work, 'pack')
    const name = basename(program)
    const linked = await fillPack(made, { roots, program, host: options.host })
    const companion = match.recipe.companion
      ? await addCompanion(match.recipe.companion, { options, match, work, made })
      : undefined
    if (match.recipe.edits)
      await writeFile(join(made, 'bin', name), editDriver(await readBytes(program), match.recipe.edits))
    const { moves, letters, sized } = match.recipe
    if (moves || letters) {
      const both = { twin: await readBytes(program), program: await readBytes(target.file) }
      const all = filled(moves ?? {}, match)
      const texts = match.recipe.versions ? textsOf(both, all) : all
      const changed = moveTexts({ ...both, texts, ...compact({ letters, sized }) })
      await writeFile(join(made, 'bin', name), changed)
    }
    const same =
      match.recipe.family === 'tool' ? await sameLibraries({ ...options, match }, target, { libraries, made }) : []
    const guest = await addGuest({ ...options, match }, { target, native, made })
    const [own = ''] = programsOf(match.recipe)
    const others = await addOthers(match, {
      options,
      made,
      roots,
      targetRoot: target.root,
      same: (program) => (isGuest(match.recipe, program) ? [...same, ...guest.rules] : same),
    })
    const { tryOut: trial = { args: [match.recipe.family === 'go' ? '-V=full' : '--version'] } } = match.recipe
    const preload = isGuest(match.recipe, own) ? `lib/${GUEST}` : undefined
    const said = await tryOut(made, { apt: options.apt, name, linked, ...trial, preload })
    if (trial.says !== undefined && said !== trial.says)
      throw noPair(match, `its twin says ${JSON.stringify(said)} instead of ${JSON.stringify(trial.says)}`)
    if (trial.alike !== undefined && !saysAlike(said, trial.alike, await readBytes(target.file)))
      throw noPair(match, `its twin says ${JSON.stringify(said)}, and the image's says something else`)
    for (const [path, text] of Object.entries(match.recipe.files ?? {}))
      await writeFile(join(made, path), fill(text, match), { mode: 0o644 })
    const manifest: PackManifest = {
      format: 1,
      recipe: match.recipe.name,
      distribution: `${options.distribution.id} ${options.distribution.codename}`,
      architecture: options.architecture,
      host: options.host.debian,
      source: target.found.source,
      packages: [target.found, native, ...libraries, ...(companion?.packages ?? []), ...guest.packages].map(
        ({ name, version, architecture, sha256 }) => ({ name, version, architecture, sha256 }),
      ),
      files: await filesOf(made),
      twin: {
        id: target.id,
        program: target.file.slice(target.root.length),
        rules: [
          ...rulesOf(match),
          ...rules,
          ...same,
          ...(companion?.rules ?? []),
          ...(isGuest(match.recipe, own) ? guest.rules : []),
          linked ? `load {pack} ${name}` : `exec {pack}/bin/${name}`,
        ],
      },
      ...(others.length > 0 ? { others } : {}),
    }
    return await keepPack(made, manifest, packs)
  } finally {
    options.apt.discard(work)
  }
}

function saysAlike(said: string, pattern: string, program: Buffer): boolean {
  const [whole, ...parts] = new RegExp(pattern).exec(said) ?? []
  return whole !== undefined && parts.every((text) => program.includes(`\0${text}\0`, 0, 'latin1'))
}

function filled(texts: Readonly<Record<string, string>>, match: RecipeMatch): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map((pair) => pair.map((text) => fill(text, match))))
}

/** Adds the further programs of a recipe for several: those that both packages have. */
async function addOthers(
  match: RecipeMatch,
  {
    options,
    made,
    roots,
    targetRoot,
    same,
  }: {
    options: MakePackOptions
    made: string
    roots: readonly string[]
    targetRoot: string
    same: (program: string) => readonly string[]
  },
): Promise<TwinOf[]> {
  const found: TwinOf[] = []
  const [first, ...more] = programsOf(match.recipe)
  if (match.program !== undefined && match.program !== first)
    throw new TypeError('a pack of several programs is made from the first') // its digest would depend on who asked
  for (const program of more) {
    const one = { ...match, program }
    const file = await findFile([targetRoot], targetFiles(one))
    const twin = await findFile(
      roots,
      match.recipe.native.files.map((text) => fill(text, one)),
    )
    const id = file && readElfFile(file)?.id
    if (!twin || !file || id === undefined) continue
    const linked = await fillPack(made, { roots, program: twin, host: options.host })
    const name = basename(twin)
    const { moves, letters, sized } = match.recipe
    if (moves || letters) {
      const both = { twin: await readBytes(twin), program: await readBytes(file) }
      const texts = textsOf(both, moves ?? {})
      if (letters || Object.keys(texts).length > 0)
        await writeFile(join(made, 'bin', name), moveTexts({ ...both, texts, ...compact({ letters, sized }) }))
    }
    found.push({
      id,
      program: file.slice(targetRoot.length),
      rules: [...rulesOf(one), ...same(program), linked ? `load {pack} ${name}` : `exec {pack}/bin/${name}`],
    })
  }
  return found
}

/** Puts the twin of a library beside those of the program; a rule sees to it that the image has the library. */
async function addCompanion(
  companion: Companion,
  { options, match, work, made }: { options: MakePackOptions; match: RecipeMatch; work: string; made: string },
) {
  const { id: _, ...others } = options
  const { reads: _reads, ...own } = match.recipe
  const recipe = { ...own, ...companion }
  const { target, native, program } = await findPair(
    { ...others, match: { ...match, recipe, version: '' }, alone: true },
    join(work, 'companion'),
  )
  for (const needed of readElfFile(program)?.needed ?? []) {
    if (!(await exists(join(made, 'lib', needed))))
      throw noPair(match, `${basename(program)} needs ${needed}, which it does not`)
  }
  const copy = join(made, 'lib', basename(program))
  await copyFile(program, copy)
  await chmod(copy, 0o644)
  const { path = target.file.slice(target.root.length), option } = companion
  const told = option === undefined ? [] : [`swap ${option} ${path} {pack}/lib/${basename(program)}`]
  return { packages: [target.found, native], rules: [`same ${path} ${target.id}`, ...told] }
}

/** Puts the program, its loader and every library that it needs together; false when it is static and needs none. */
async function fillPack(
  made: string,
  { roots, program, host }: { roots: readonly string[]; program: string; host: PackTarget },
): Promise<boolean> {
  for (const name of ['bin', 'lib']) await mkdir(join(made, name), { recursive: true })
  const copy = async (from: string, to: string, mode: number) => {
    await copyFile(from, join(made, to))
    await chmod(join(made, to), mode)
  }
  const folders = [`usr/lib/${host.triple}`, `lib/${host.triple}`, 'usr/lib64', 'lib64', 'usr/lib', 'lib']
  const done = new Set<string>()
  const addNeeded = async (file: string): Promise<void> => {
    const elf = readElfFile(file)
    for (const name of elf?.needed ?? []) {
      if (done.has(name)) continue
      done.add(name)
      const library = name.includes('/')
        ? undefined
        : await findFile(
            roots,
            folders.map((folder) => `${folder}/${name}`),
          )
      if (!library)
        throw new XbuildError('NOT_FOUND', `Cannot make a pack: the library ${name} is in none of its packages`)
      await copy(library, `lib/${name}`, 0o644)
      await addNeeded(library)
    }
  }
  await copy(program, `bin/${basename(program)}`, 0o755)
  await addNeeded(program)
  const interpreter = readElfFile(program)?.interpreter
  if (interpreter === undefined && done.size === 0) return false
  const loader =
    interpreter &&
    (await findFile(roots, [...folders.map((folder) => `${folder}/${basename(interpreter)}`), interpreter.slice(1)]))
  if (!loader)
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot make a pack: the loader of ${basename(program)} is in none of its packages`,
    )
  await copy(loader, 'lib/ld.so', 0o755)
  return true
}

/** Starts a program that is expected to fail, and gives what it said of that. */
const FAILS = '"$@" 2>&1; test $? = 1'

/** Starts the twin as the handler will. */
async function tryOut(
  made: string,
  {
    apt,
    name,
    linked,
    args,
    fails = false,
    preload,
  }: {
    apt: Apt
    name: string
    linked: boolean
    args: readonly string[]
    fails?: boolean
    preload?: string | undefined
  },
): Promise<string> {
  const [program, lib] = [join(made, 'bin', name), join(made, 'lib')]
  const before = preload ? ['--preload', join(made, preload)] : []
  const loaded = ['--inhibit-cache', '--library-path', lib, ...before, '--argv0', name, program]
  const [first, ...rest] = [...(linked ? [join(lib, 'ld.so'), ...loaded] : [program]), ...args]
  return fails ? apt.start('sh', ['-c', FAILS, 'sh', first!, ...rest]) : apt.start(first!, rest)
}
