import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { AptPackage } from './apt-stanzas.ts'
import type { PairOptions } from './pair.ts'
import type { Scripts } from './recipe.ts'

/** Of each digest so much is compared, in hex digits. */
const SHOWN = 32

/** Digests of the scripts of packages, as the archive has them, sorted; packages that it lacks are left out. */
export async function scriptDigests(
  { packages: names, first, except }: Scripts,
  { apt, match }: PairOptions,
): Promise<{ packages: readonly AptPackage[]; digests: readonly string[] }> {
  const packages = names.flatMap((name) => [
    ...apt.versions(name, match.target.debian).slice(0, 1),
    ...apt.versions(name, 'all').slice(0, 1),
  ])
  const folders = await apt.folders(packages)
  const found = new Set<string>()
  for (const root of folders) {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      const file = join(entry.parentPath, entry.name)
      if (!entry.isFile() || (except !== undefined && new RegExp(except).test(`/${relative(root, file)}`))) continue
      const bytes = await readFile(file)
      const line = bytes.toString('latin1', 0, 200).split('\n', 1)[0]!
      if (new RegExp(first).test(line)) found.add(createHash('sha256').update(bytes).digest('hex').slice(0, SHOWN))
    }
  }
  return { packages, digests: [...found].sort() }
}
