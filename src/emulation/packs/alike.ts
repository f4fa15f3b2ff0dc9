import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { readBytes } from '../../host/read-bytes.ts'
import { configuredDifferently } from './configured.ts'
import { configuredWith } from './elf.ts'
import type { Recipe } from './recipe.ts'

/** A program in the unpacked packages that hold it. */
export interface Unpacked {
  readonly root: string
  readonly file: string
}

/**
 * What keeps two programs from writing the same, in words, or what the twin must be told more for it: rules of the
 * handler.
 */
export type Likeness = { readonly unlike: string } | { readonly rules: readonly string[] }

/** Equal source is not enough: looks at how a program of the image and its twin were built. */
export async function likeness(family: Recipe['family'], one: Unpacked, twin: Unpacked): Promise<Likeness> {
  switch (family) {
    case 'gcc':
      return gcc(one, twin)
    case 'driver':
      return driver(one, twin)
    case 'go':
      return go(one, twin)
    case 'binutils':
      return binutils(one, twin)
    case 'tool':
      return { rules: [] }
  }
}

/** Where a linker looks for libraries by itself, as its built-in scripts say; those for 32-bit programs are never used. */
const SEARCHED = /SEARCH_DIR\("[^\n]*\);(?=\n)/g

async function binutils(one: Unpacked, twin: Unpacked): Promise<Likeness> {
  const folders = async ({ file }: Unpacked) =>
    new Set([...(await readBytes(file)).toString('latin1').matchAll(SEARCHED)].map(([line]) => line))
  const [own, its] = [await folders(one), await folders(twin)]
  const different = [...own].filter((line) => !its.has(line)).concat([...its].filter((line) => !own.has(line)))
  return different.some((line) => !line.includes('ilp32'))
    ? { unlike: 'the two look for libraries in other folders' }
    : { rules: [] }
}

const SAYS_NOTHING = 'it does not say how it was configured'

const unlike = (different: readonly string[]): Likeness => ({
  unlike: `the two were configured differently: ${different.join(' ')}`,
})

async function gcc(one: Unpacked, twin: Unpacked): Promise<Likeness> {
  const [options, others] = [configuredWith(await readBytes(one.file)), configuredWith(await readBytes(twin.file))]
  if (options.length === 0 || others.length === 0) return { unlike: SAYS_NOTHING }
  const different = configuredDifferently(options, others)
  return different.length > 0 ? unlike(different) : { rules: [] }
}

/**
 * What a driver tells the programs that it starts, and one that is configured without offloading does not (GCC's
 * installation manual, `--enable-offload-targets`).
 */
async function driver(one: Unpacked, twin: Unpacked): Promise<Likeness> {
  const found = await gcc(one, twin)
  if ('unlike' in found) return found
  const options = configuredWith(await readBytes(one.file))
  const targets = options
    .find((option) => option.startsWith('--enable-offload-targets='))
    ?.replace(/^.*?=/, '')
    .split(',')
    .map((target) => target.replace(/=.*/, ''))
  const names = targets ? [`env OFFLOAD_TARGET_NAMES=${targets.join(':')}`] : []
  return {
    rules: [...names, ...(options.includes('--enable-offload-defaulted') ? ['env OFFLOAD_TARGET_DEFAULT=1'] : [])],
  }
}

/**
 * Go's build writes its settings - defaults of every CPU, version, C compilers, loader - into sources which its
 * packages hold.
 */
const GO_SETTINGS = /(^|\/)(z(bootstrap|defaultcc|version|cgo)\.go|VERSION)$/

/** The default of a variable that says for which kind of a CPU Go works, as Go's tools have it built in. */
const GO_DEFAULT = /^const Default(GO(?:386|AMD64|ARM|ARM64|MIPS|MIPS64|PPC64|RISCV64)) = `([\w.,]*)`\n/gm

async function go(one: Unpacked, twin: Unpacked): Promise<Likeness> {
  const [settings, others] = [await goSettings(one.root), await goSettings(twin.root)]
  const bootstrap = [...settings.keys()].find((path) => path.endsWith('/buildcfg/zbootstrap.go'))
  if (bootstrap === undefined) return { unlike: SAYS_NOTHING }
  const [own, its] = [settings, others].map(
    (from) => new Map([...(from.get(bootstrap) ?? '').matchAll(GO_DEFAULT)].map(([, name, value]) => [name!, value!])),
  )
  for (const from of [settings, others]) from.set(bootstrap, (from.get(bootstrap) ?? '').replace(GO_DEFAULT, ''))
  const different = [...new Set([...settings.keys(), ...others.keys()])].filter(
    (path) => settings.get(path) !== others.get(path),
  )
  const names = [...new Set([...own!.keys(), ...its!.keys()])].filter((name) => own!.get(name) !== its!.get(name))
  if (different.length > 0 || names.some((name) => !own!.get(name) || !its!.get(name)))
    return unlike([...different, ...names].sort())
  // For Android there is another default, which the variable would hide
  return {
    rules: names.flatMap((name) => [
      ...(name === 'GOARM' ? ['not GOOS=android'] : []),
      `env ${name}=${own!.get(name)}`,
    ]),
  }
}

async function goSettings(root: string): Promise<Map<string, string>> {
  // With types: names alone would be followed through symbolic links, which may lead out of the package
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => path.includes('/go-') && GO_SETTINGS.test(path))
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const)),
  )
}
