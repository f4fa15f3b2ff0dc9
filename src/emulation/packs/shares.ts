import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../host/files.ts'

/** CPU seconds of emulated steps, natively and under QEMU. */
export interface CpuShare {
  readonly native: number
  readonly emulated: number
}

/** What an earlier build adds to what is known, beside the last one. */
const FADES = 0.5

/** Of so few seconds nothing is concluded. */
const TOO_SHORT = 5

/** What earlier builds spent, by GOARCH, the last one counting most; nothing when it cannot be read. */
export async function readShares(folder: string): Promise<ReadonlyMap<string, CpuShare>> {
  try {
    const found = JSON.parse(await readFile(fileOf(folder), 'utf8')) as Record<string, Partial<CpuShare>>
    return new Map(
      Object.entries(found).flatMap(([architecture, { native, emulated }]) =>
        isTime(native) && isTime(emulated) && native + emulated > 0 ? [[architecture, { native, emulated }]] : [],
      ),
    )
  } catch {
    return new Map()
  }
}

/** Adds what a build spent on each architecture; too short ones tell nothing. Never rejects: it is no more than a hint. */
export async function addShares(folder: string, spent: ReadonlyMap<string, CpuShare>): Promise<void> {
  const telling = [...spent].filter(([, { native, emulated }]) => native + emulated >= TOO_SHORT)
  if (telling.length === 0) return
  const known = new Map(await readShares(folder))
  for (const [architecture, { native, emulated }] of telling) {
    const before = known.get(architecture) ?? { native: 0, emulated: 0 }
    known.set(architecture, {
      native: native + before.native * FADES,
      emulated: emulated + before.emulated * FADES,
    })
  }
  const text = JSON.stringify(Object.fromEntries(known))
  await writeFileAtomic(fileOf(folder), text, { fsync: false }).catch(() => undefined)
}

const fileOf = (folder: string) => join(folder, 'shares.json')

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
