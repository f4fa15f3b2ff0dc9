import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { configuredDifferently } from './configured.ts'
import { configuredWith } from './elf.ts'
import type { Recipe } from './recipes.ts'

/** A program in the unpacked packages that hold it. */
export interface Unpacked {
  readonly root: string
  readonly file: string
}

/** Equal source is not enough: what else keeps two programs from writing the same, in words; nothing when they are alike. */
export async function unlikeness(family: Recipe['family'], one: Unpacked, other: Unpacked): Promise<string | undefined> {
  switch (family) {
    case 'gcc': return gcc(one, other)
    case 'go': return go(one, other)
    case 'binutils': return undefined
  }
}

const SAYS_NOTHING = 'it does not say how it was configured'

async function gcc(one: Unpacked, other: Unpacked): Promise<string | undefined> {
  const [options, others] = [configuredWith(await readFile(one.file)), configuredWith(await readFile(other.file))]
  if (options.length === 0 || others.length === 0) return SAYS_NOTHING
  const different = configuredDifferently(options, others)
  return different.length > 0 ? `the two were configured differently: ${different.join(' ')}` : undefined
}

/** Go's build writes its settings - defaults of every CPU, version, C compilers, loader - into sources which its packages hold. */
const GO_SETTINGS = /(^|\/)(z(bootstrap|defaultcc|version|cgo)\.go|VERSION)$/

async function go(one: Unpacked, other: Unpacked): Promise<string | undefined> {
  const [settings, others] = [await goSettings(one.root), await goSettings(other.root)]
  if (![...settings.keys()].some((path) => path.endsWith('/buildcfg/zbootstrap.go'))) return SAYS_NOTHING
  const different = [...new Set([...settings.keys(), ...others.keys()])].filter((path) => settings.get(path) !== others.get(path))
  return different.length > 0 ? `the two were configured differently: ${different.sort().join(' ')}` : undefined
}

async function goSettings(root: string): Promise<Map<string, string>> {
  // With types: names alone would be followed through symbolic links, which may lead out of the package
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name))).filter((path) => path.includes('/go-') && GO_SETTINGS.test(path))
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const)))
}
