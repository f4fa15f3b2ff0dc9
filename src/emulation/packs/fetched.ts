import { lstat, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { isCurrent } from './current.ts'
import { readElf } from './elf.ts'
import { manifestText, packName, twinsIn, type PackManifest, type TwinOf } from './pack.ts'
import type { Recipe, RecipeMatch } from './recipe.ts'
import { fill, isGuest, matchRecipe, rulesOf } from './recipes.ts'
import { isBuildable, sourcePackage } from './source/gcc-source.ts'
import { PACK_TARGETS, type PackTarget } from './targets.ts'

const MAX_FILES = 400
/** The modules of Python's library are one rule. */
const MAX_RULE = 10_000
const MAX_BYTES = 1_000_000_000

const FOLDER = String.raw`\/(?:[\w.+@-]+\/)*`
const PATH = String.raw`${FOLDER}[\w.+@-]+`
const DIGEST = '[0-9a-f]{32}'

/** Further lines that makers of packs write; what starts the twin is the last one and is looked at by itself. */
const FURTHER = anyOf([
  `(?:same|alike) ${PATH} [0-9a-f]{8,128}`,
  'env [A-Z][A-Z0-9_]*=[\\w.,-]*',
  'not [A-Z][A-Z0-9_]*=[\\w.,-]*',
  `absent ${PATH}`,
  `swap -plugin ${FOLDER}liblto_plugin\\.so \\{pack\\}\\/lib\\/liblto_plugin\\.so`,
  'names',
  '# [^\\n]*',
])

/** Those of interpreters, and of what else is at home in an image by the pack's library. */
const OF_GUESTS = anyOf([
  `text ${DIGEST}(?: ${PATH} ${DIGEST})?`,
  `kept ${PATH} ${DIGEST}`,
  'preload \\{pack\\}\\/lib\\/guest\\.so',
])

/**
 * The manifest of a pack that others made, for this machine: it must be what a recipe of this program makes, with no
 * file outside of the pack and nothing else to start. Throws BAD_IMAGE.
 */
export function readFetched(
  text: string,
  { recipes, host }: { readonly recipes: readonly Recipe[]; readonly host: PackTarget },
): PackManifest {
  let manifest: PackManifest
  try {
    manifest = JSON.parse(text) as PackManifest
  } catch {
    throw refused('it is not JSON')
  }
  if (!hasShape(manifest)) throw refused('it is not the manifest of a pack')
  // Another writing of it would be another pack
  if (manifestText(manifest) !== text) throw refused('its manifest is not written as xbuild writes it')
  const { architecture, files, packages, twin } = manifest
  if (manifest.host !== host.debian) throw refused(`its programs are for ${manifest.host}`, manifest)
  if (!isCurrent(manifest, recipes)) throw refused('no recipe of this xbuild makes it', manifest)
  const match = matchRecipe(recipes, twin.program, PACK_TARGETS[architecture] ?? [])!
  const extra = Object.keys(match.recipe.files ?? {})
  const wrong = files.find(
    ({ path }, index) =>
      !(/^(?:bin|lib)\/(?:\[|[\w+][\w.+@,-]*)$/.test(path) || extra.includes(path)) ||
      files.findIndex((other) => other.path === path) !== index,
  )
  if (wrong) throw refused(`it has a file "${wrong.path.slice(0, 200)}"`, manifest)
  const twins = twinsIn(manifest)
  const programs = files.filter(({ path }) => path.startsWith('bin/')).map(({ path }) => basename(path))
  const versions = match.version === '' ? (match.recipe.versions ?? ['']) : [match.version]
  const all = (texts: readonly string[], kind: 'file' | 'package', of: RecipeMatch = match) =>
    versions.flatMap((version) => texts.map((one) => fill(one, { ...of, version }, kind)))
  const linked = files.some(({ path }) => path === 'lib/ld.so')
  const starts = twins.map(({ program, rules }) => {
    const own = matchRecipe(recipes, program, PACK_TARGETS[architecture] ?? [])! // isCurrent found it
    const further = rules.slice(rulesOf(own).length)
    const known = all(match.recipe.native.files, 'file', own).map((file) => basename(file))
    const name = known.find((one) => further.at(-1) === (linked ? `load {pack} ${one}` : `exec {pack}/bin/${one}`))
    if (
      name === undefined ||
      further.slice(0, -1).some((rule) => !FURTHER.test(rule) && !(isGuest(match.recipe, name) && OF_GUESTS.test(rule)))
    )
      throw refused('its rules are not those of its recipe', manifest)
    return name
  })
  if (programs.length !== twins.length || programs.some((name) => !starts.includes(name)))
    throw refused('its programs are not those that its recipe names', manifest)
  const [target, native] = packages
  const isOf = (one: typeof target, names: readonly string[], { debian }: PackTarget) =>
    one !== undefined && all(names, 'package').includes(one.name) && one.architecture === debian
  const isBuilt =
    isBuildable(match) && native?.name === sourcePackage(manifest.source.name) && native.architecture === 'all'
  const hasTwin = isBuilt || isOf(native, match.recipe.native.packages, host)
  if (!isOf(target, match.recipe.target.packages, match.target) || !hasTwin)
    throw refused('its packages are not those that its recipe names', manifest)
  return manifest
}

/** Checks the files of a fetched pack, whose digests are right: programs of this machine that need nothing else. */
export async function checkFetched(folder: string, manifest: PackManifest, host: PackTarget): Promise<void> {
  const machine = { amd64: 62, arm64: 183 }[host.goarch]
  const libraries = await readdir(join(folder, 'lib')).catch((): string[] => [])
  for (const { path } of manifest.files) {
    if (!/^(?:bin|lib)\//.test(path)) continue
    const file = join(folder, path)
    const bytes = await readFile(file)
    const elf = (await lstat(file)).isFile() ? readElf(bytes) : undefined
    if (!elf || bytes.readUInt16LE(18) !== machine) throw refused(`${path} is no program of ${host.debian}`, manifest)
    const missing = elf.needed.find((name) => !libraries.includes(name))
    if (missing !== undefined) throw refused(`${path} needs ${missing.slice(0, 100)}, which it lacks`, manifest)
  }
}

function hasShape(value: PackManifest): boolean {
  const { format, recipe, distribution, architecture, host, source, packages, files, twin, others = [] } = value ?? {}
  const isText = (text: unknown, most = 1000) =>
    typeof text === 'string' && text !== '' && text.length < most && !/[\0-\x1f]/.test(text)
  const isList = (list: unknown, most: number): list is unknown[] => Array.isArray(list) && list.length <= most
  const isHash = (text: unknown) => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text)
  const isTwin = (one: TwinOf | undefined) =>
    isText(one?.program) &&
    typeof one?.id === 'string' &&
    /^(?:go-)?[\w-]{8,128}$/.test(one.id) &&
    isList(one.rules, 500) &&
    one.rules.every((rule) => isText(rule, MAX_RULE))
  return (
    format === 1 &&
    [recipe, distribution, architecture, host, source?.name, source?.version].every((text) => isText(text)) &&
    isList(others, MAX_FILES) &&
    [twin, ...others].every(isTwin) &&
    isList(packages, MAX_FILES) &&
    packages.every(
      (one) => isHash(one?.sha256) && [one.name, one.version, one.architecture].every((text) => isText(text)),
    ) &&
    isList(files, MAX_FILES) &&
    files.every((one) => isText(one?.path) && isHash(one.sha256) && Number.isSafeInteger(one.size) && one.size >= 0) &&
    files.reduce((sum, { size }) => sum + size, 0) <= MAX_BYTES
  )
}

function refused(state: string, manifest?: PackManifest): XbuildError {
  const name = manifest ? packName(manifest) : 'pack'
  return new XbuildError('BAD_IMAGE', `Cannot use pack "${name}": ${state}`, {
    hint: 'Ask whoever published it; xbuild pack build makes it here',
  })
}

function anyOf(lines: readonly string[]): RegExp {
  return new RegExp(`^(?:${lines.join('|')})$`)
}
