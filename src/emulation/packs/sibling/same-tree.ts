import { createHash, type Hash } from 'node:crypto'
import { closeSync, read } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { namesIn, openPlain, PIECE } from './read-inside.ts'

/** Two folders that are to hold the same, but for some names in each. */
export interface TreePair {
  readonly left: string
  readonly right: string
  /** Paths in both that are not looked at, files and folders. */
  readonly except: readonly string[]
}

/** What is looked at of each tree at most. */
export interface Limits {
  readonly entries: number
  readonly bytes: number
}

/** Far above any toolchain: Go has 14,000 files and 280 MB. */
const LIMITS: Limits = { entries: 100_000, bytes: 2_000_000_000 }

const readAt = promisify(read)

/** Equal trees have one digest; of others the first difference is told. */
export type SameTree = { readonly digest: string } | { readonly different: string }

/**
 * Compares two trees: names, kinds, modes, contents, and where links lead. No link is followed. Owners and times are
 * left aside.
 */
export async function sameTree({ left, right, except }: TreePair, limits: Limits = LIMITS): Promise<SameTree> {
  const hash = createHash('sha256')
  const different = await compareFolder('', {
    left,
    right,
    except: new Set(except),
    hash,
    limits,
    budget: { ...limits },
  })
  return different === undefined ? { digest: hash.digest('hex') } : { different }
}

interface Comparison {
  readonly left: string
  readonly right: string
  readonly except: ReadonlySet<string>
  readonly hash: Hash
  readonly limits: Limits
  /** What is left of the limits. */
  readonly budget: { entries: number; bytes: number }
}

async function compareFolder(path: string, all: Comparison): Promise<string | undefined> {
  const { left, right, except, hash, limits, budget } = all
  const listed = async (root: string) => {
    const found = await namesIn(join(root, path), budget.entries)
    return found?.map((name) => (path === '' ? name : `${path}/${name}`)).filter((one) => !except.has(one))
  }
  const [names, others] = await Promise.all([listed(left), listed(right)])
  if (!names || !others) return `they have more than ${limits.entries} files`
  budget.entries -= Math.max(names.length, others.length)
  const at = names.findIndex((name, index) => name !== others[index])
  const only = at < 0 ? others[names.length] : least(names[at]!, others[at])
  if (only !== undefined) return `only one of them has ${shown(only)}`
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
      if (budget.bytes < 0) return `they have more than ${limits.bytes} bytes`
      if (found.size !== twin.size) return `${shown(name)} differs`
      hash.update(`${found.size}\0`)
      if (!(await compareFile(name, found.size, all))) return `${shown(name)} differs`
    } else return `${shown(name)} is no file`
  }
  return undefined
}

/** Whether both are plain files with the same bytes, which the hash gets. A piece at a time: they may be large. */
async function compareFile(path: string, size: number, { left, right, hash }: Comparison): Promise<boolean> {
  const one = openPlain(left, path)
  const other = openPlain(right, path)
  try {
    if (one?.size !== size || other?.size !== size) return false
    const pieces = [Buffer.alloc(Math.min(PIECE, size)), Buffer.alloc(Math.min(PIECE, size))] as const
    for (let at = 0; at < size; ) {
      const [bytes, its] = await Promise.all([readPiece(one.file, pieces[0], at), readPiece(other.file, pieces[1], at)])
      if (bytes.length === 0 || !bytes.equals(its)) return false
      hash.update(bytes)
      at += bytes.length
    }
    return true
  } finally {
    for (const opened of [one, other]) if (opened) closeSync(opened.file)
  }
}

async function readPiece(file: number, into: Buffer, at: number): Promise<Buffer> {
  const { bytesRead } = await readAt(file, into, 0, into.length, at)
  return into.subarray(0, bytesRead)
}

/** Of two names of which one is missing on the other side, that one: names are in order. */
const least = (name: string, other: string | undefined) => (other === undefined || name < other ? name : other)

const shown = (path: string) => JSON.stringify(path.slice(0, 200))
