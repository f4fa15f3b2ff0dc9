import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { AptPackage } from './apt-stanzas.ts'
import { noPair, type PairOptions } from './pair.ts'
import type { Scripts } from './recipe.ts'
import { fill } from './recipes.ts'

/** Of each digest so much is compared, in hex digits. */
const SHOWN = 32

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest()
const shown = (digest: Buffer) => digest.toString('hex').slice(0, SHOWN)

/**
 * Rules that know the scripts of packages, as the archive has them, sorted; packages that it lacks are left out. A script
 * with modules of its own is known with them.
 */
export async function scriptRules(
  { packages: names, first, except, trees = {}, texts = [], kept = {} }: Scripts,
  { apt, match, ...options }: PairOptions,
): Promise<{ packages: readonly AptPackage[]; rules: readonly string[] }> {
  const packages = names.flatMap((name) => [
    ...apt.versions(name, match.target.debian).slice(0, 1),
    ...apt.versions(name, 'all').slice(0, 1),
  ])
  const folders = await apt.folders(packages)
  const found = new Set(texts.map((text) => `text ${shown(sha256(text))}`))
  for (const [index, root] of folders.entries()) {
    const folder = trees[packages[index]!.name]
    const tree = folder === undefined ? undefined : await treeDigest(join(root, folder))
    if (folder !== undefined && tree === undefined)
      throw noPair(match, `${packages[index]!.name} in ${options.distribution.codename} has no ${folder}`)
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      const file = join(entry.parentPath, entry.name)
      if (!entry.isFile() || (except !== undefined && new RegExp(except).test(`/${relative(root, file)}`))) continue
      const bytes = await readFile(file)
      const line = bytes.toString('latin1', 0, 200).split('\n', 1)[0]!
      if (new RegExp(first).test(line))
        found.add(`text ${shown(sha256(bytes))}${tree === undefined ? '' : ` ${folder} ${tree}`}`)
    }
  }
  const rules = await Promise.all(
    Object.entries(kept).map(async ([path, [name, file]]) => {
      const one = apt.versions(fill(name, match, 'package'), match.target.debian)[0]
      const [root] = one ? await apt.folders([one]) : []
      const bytes = root && (await readFile(join(root, fill(file, match))).catch(() => undefined))
      if (!bytes)
        throw noPair(match, `there is no ${fill(file, match)} in packages of ${options.distribution.codename}`)
      return `kept ${fill(path, match)} ${shown(sha256(bytes))}`
    }),
  )
  return { packages, rules: [...rules, ...[...found].sort()] }
}

/**
 * Digest of all files below a folder that are named *.py, as `tree_digest` of `qemu/handler/handler.c` reckons it: whose
 * order in a folder is not known. Nothing when there is none. Exported for tests.
 */
export async function treeDigest(folder: string): Promise<string | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sum = new Uint32Array(8)
  let files = 0
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith('.py')) continue
    const file = join(entry.parentPath, entry.name)
    const own = sha256(await readFile(file))
    const both = sha256(Buffer.concat([Buffer.from(`${relative(folder, file)}\0`), own]))
    for (const index of sum.keys()) sum[index]! += both.readUInt32BE(4 * index)
    files++
  }
  const bytes = Buffer.alloc(32)
  for (const [index, word] of sum.entries()) bytes.writeUInt32BE(word, 4 * index)
  return files > 0 ? shown(bytes) : undefined
}
