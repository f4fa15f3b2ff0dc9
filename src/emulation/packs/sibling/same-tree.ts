import { createHash, type Hash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Two folders that are to hold the same, but for some names in each. */
export interface TreePair {
  readonly left: string
  readonly right: string
  /** Paths in both that are not looked at, files and folders. */
  readonly except: readonly string[]
}

/** Far above any toolchain: Go has 14,000 files and 280 MB. */
const MAX_ENTRIES = 100_000
const MAX_BYTES = 2_000_000_000

/** Equal trees have one digest; of others the first difference is told. */
export type SameTree = { readonly digest: string } | { readonly different: string }

/**
 * Compares two trees: names, kinds, modes, contents, and where links lead. No link is followed. Owners and times are
 * left aside.
 */
export async function sameTree({ left, right, except }: TreePair): Promise<SameTree> {
  const hash = createHash('sha256')
  const budget = { entries: MAX_ENTRIES, bytes: MAX_BYTES }
  const different = await compareFolder('', { left, right, except: new Set(except), hash, budget })
  return different === undefined ? { digest: hash.digest('hex') } : { different }
}

interface Comparison {
  readonly left: string
  readonly right: string
  readonly except: ReadonlySet<string>
  readonly hash: Hash
  readonly budget: { entries: number; bytes: number }
}

async function compareFolder(path: string, all: Comparison): Promise<string | undefined> {
  const { left, right, except, hash, budget } = all
  const listed = async (root: string) =>
    (await readdir(join(root, path)))
      .map((name) => (path === '' ? name : `${path}/${name}`))
      .filter((one) => !except.has(one))
      .sort()
  const [names, others] = await Promise.all([listed(left), listed(right)])
  const only = names.find((name) => !others.includes(name)) ?? others.find((name) => !names.includes(name))
  if (only !== undefined) return `only one of them has ${shown(only)}`
  budget.entries -= names.length
  if (budget.entries < 0) return `they have more than ${MAX_ENTRIES} files`
  for (const name of names) {
    const [one, other] = [join(left, name), join(right, name)]
    const [found, twin] = await Promise.all([lstat(one), lstat(other)])
    if (found.mode !== twin.mode) return `the kind or mode of ${shown(name)} differs`
    hash.update(`${name}\0${found.mode}\0`)
    if (found.isDirectory()) {
      const inside = await compareFolder(name, all)
      if (inside !== undefined) return inside
    } else if (found.isSymbolicLink()) {
      const [to, its] = await Promise.all([readlink(one), readlink(other)])
      if (to !== its) return `the link ${shown(name)} differs`
      hash.update(`${to}\0`)
    } else if (found.isFile()) {
      budget.bytes -= found.size
      if (budget.bytes < 0) return `they have more than ${MAX_BYTES} bytes`
      if (found.size !== twin.size) return `${shown(name)} differs`
      const [bytes, its] = await Promise.all([readFile(one), readFile(other)])
      if (!bytes.equals(its)) return `${shown(name)} differs`
      hash.update(`${bytes.length}\0`).update(bytes)
    } else return `${shown(name)} is no file`
  }
  return undefined
}

const shown = (path: string) => JSON.stringify(path.slice(0, 200))
