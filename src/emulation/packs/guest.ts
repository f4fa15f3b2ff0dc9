import { chmod, copyFile, readdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { exists } from '../../host/files.ts'
import { readElfFile } from './elf.ts'
import { findBuilt } from './fused-emulator.ts'
import { addLibraries } from './libraries.ts'
import type { AptPackage } from './apt-stanzas.ts'
import { noPair, type Pair, type PairOptions } from './pair.ts'
import type { Guest } from './recipe.ts'
import { fill } from './recipes.ts'
import { scriptRules } from './scripts.ts'

/** The library that tells a twin what it is to take for its machine: its name in a pack. */
export const GUEST = 'guest.so'

/** What it is told, in the order of `qemu/handler/guest.c`, and the room for each. */
const TEXTS = ['@program@', '@libraries@', '@machine@', '@calls@']
const ROOM = 256

/** What a pack gets besides the program: packages that it came from, and rules. */
interface Added {
  readonly packages: readonly AptPackage[]
  readonly rules: readonly string[]
}

interface Place extends Pick<Pair, 'target' | 'native'> {
  /** Folder of the pack. */
  readonly made: string
}

/**
 * Adds what an interpreter needs to be at home in an image: the library that stands between it and this machine, the
 * twins of the modules that it loads, and which scripts it may run. Nothing for other programs.
 */
export async function addGuest(options: PairOptions, place: Place): Promise<Added> {
  const { guest, scripts } = options.match.recipe
  if (!guest) return { packages: [], rules: [] }
  const built = findBuilt(`guest-${process.arch}.so`)
  if (!built) throw noPair(options.match, 'this xbuild was built without the library of such twins')
  const texts = [
    fill(guest.program, options.match),
    `/usr/lib/${options.match.target.triple}/`,
    guest.machine,
    guest.calls ?? 'none',
  ]
  await writeFile(join(place.made, 'lib', GUEST), withTexts(await readFile(built), texts), { mode: 0o644 })
  const modules = await addModules(guest, options, place)
  const known = scripts ? await scriptRules(scripts, options) : undefined
  return {
    packages: [...modules.packages, ...(known?.packages ?? [])],
    rules: [...modules.rules, ...(known?.rules ?? []), `preload {pack}/lib/${GUEST}`],
  }
}

/** The library with its texts. Exported for tests. */
export function withTexts(library: Buffer, texts: readonly string[], places: readonly string[] = TEXTS): Buffer {
  const made = Buffer.from(library)
  for (const [index, text] of texts.entries()) {
    const at = made.indexOf(places[index]!)
    if (at < 0 || text.length >= ROOM) throw new TypeError(`no room for ${text}`)
    made.fill(0, at, at + ROOM)
    made.write(text, at, 'latin1')
  }
  return made
}

/** Puts twins of modules into a pack, under the names that `guest.c` asks for. */
async function addModules(guest: Guest, options: PairOptions, { target, native, made }: Place): Promise<Added> {
  const { apt, match, host } = options
  const pattern = new RegExp(fill(guest.modules, match))
  /** Below `/usr/lib`. */
  const ownFolders = new Map(
    Object.entries(guest.folders ?? {}).map(([name, folder]) => [fill(name, match, 'package'), fill(folder, match)]),
  )
  const folderOf = ({ name }: AptPackage, triple: string) => ownFolders.get(name) ?? triple
  const inImage = (own: AptPackage, name: string) => `/usr/lib/${folderOf(own, match.target.triple)}/${name}`
  const packages: AptPackage[] = []
  const rules: string[] = []
  const add = async (own: AptPackage, twin: AptPackage, rule: boolean) => {
    const roots = await apt.folders([own, twin])
    const folders = [
      join(roots[0]!, 'usr/lib', folderOf(own, match.target.triple)),
      join(roots[1]!, 'usr/lib', folderOf(twin, host.triple)),
    ] as const
    const isWanted = (name: string) => ownFolders.has(own.name) || pattern.test(name)
    let stands: string | undefined
    for (const twinName of await librariesIn(folders[1])) {
      const name = twinName.replaceAll(host.triple, match.target.triple)
      const id = (await exists(join(folders[0], name))) && readElfFile(join(folders[0], name))?.id
      const module = join(folders[1], twinName)
      if (!isWanted(name) || !id || !(await addLibraries(module, { roots: needed, made, host }))) continue
      const copy = join(made, 'lib', join(ownFolders.get(own.name) ?? '', name).replaceAll('/', ','))
      await copyFile(module, copy)
      await chmod(copy, 0o644)
      stands ??= `alike ${inImage(own, name)} ${id}`
    }
    // One file stands for all of its package
    if (rule && stands) rules.push(stands)
    if (rule) packages.push(own, twin)
  }
  /** A script that loads one of them in the image would find none in the pack. */
  const leaveOut = async (own: AptPackage) => {
    const [root = ''] = await apt.folders([own])
    const folder = folderOf(own, match.target.triple)
    const names = await librariesIn(join(root, 'usr/lib', folder))
    const wanted = names.filter((name) => folder !== match.target.triple || pattern.test(name))
    rules.push(...wanted.map((name) => `absent ${inImage(own, name)}`))
  }
  const newest = (name: string, debian: string) => apt.versions(fill(name, match, 'package'), debian)[0]
  const libraries = (guest.libraries ?? []).flatMap((name) => newest(name, host.debian) ?? [])
  const needed = await apt.folders(libraries)
  await add(target.found, native, false)
  for (const name of [...guest.packages, ...(guest.others ?? [])]) {
    const [own, twin] = [newest(name, match.target.debian), newest(name, host.debian)]
    const same = own?.source.name === twin?.source.name && own?.source.version === twin?.source.version
    const whole = guest.packages.includes(name)
    if (own && twin && same && (!whole || own.source.version === target.found.source.version))
      await add(own, twin, true)
    else if (own && !whole) await leaveOut(own)
    else if (whole) throw noPair(match, `there is no ${fill(name, match, 'package')} of its source`)
  }
  return { packages: [...packages, ...libraries], rules }
}

/** Libraries below a folder, by their paths in it, sorted; links are not followed. */
async function librariesIn(folder: string): Promise<string[]> {
  const real = await realpath(folder).catch(() => undefined)
  if (real === undefined) return []
  const entries = await readdir(real, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.so'))
    .map((entry) => relative(real, join(entry.parentPath, entry.name)))
    .sort()
}
