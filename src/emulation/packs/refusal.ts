import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../host/files.ts'

/** Why a program has no twin, as it is kept in the folder of packs. */
export interface Refusal {
  /** GOARCH. */
  readonly architecture: string
  /** Of the program in the image. */
  readonly path: string
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** How long a refusal is believed: the archive may get what it did not have. Milliseconds. */
const LIFE = 6 * 3_600_000

const folderOf = (packs: string) => join(packs, 'refused')
const fileOf = (packs: string, name: string) => join(folderOf(packs), `${name}.json`)

/** The reason that is kept under a name, while it still counts. */
export async function findRefusal(packs: string, name: string): Promise<string | undefined> {
  return (await read(fileOf(packs, name)))?.reason
}

/** All that still count, but for those whose names are paths. */
export async function readRefusals(packs: string): Promise<Refusal[]> {
  const names = (await readdir(folderOf(packs)).catch(() => [])).filter((name) => name.endsWith('.json'))
  const found = await Promise.all(names.map((name) => read(join(folderOf(packs), name))))
  return found.flatMap((one) => one ?? [])
}

/** Keeps one; where that cannot be written the program is looked for again. */
export async function keepRefusal(packs: string, name: string, refusal: Omit<Refusal, 'at'>): Promise<void> {
  const text = JSON.stringify({ ...refusal, at: Date.now() } satisfies Refusal)
  await writeFileAtomic(fileOf(packs, name), text, { fsync: false }).catch(() => undefined)
}

async function read(file: string): Promise<Refusal | undefined> {
  try {
    const refusal = JSON.parse(await readFile(file, 'utf8')) as Partial<Refusal> | null
    const isFresh =
      typeof refusal?.reason === 'string' && typeof refusal.at === 'number' && Date.now() - refusal.at < LIFE
    return isFresh ? (refusal as Refusal) : undefined
  } catch {
    return undefined
  }
}
