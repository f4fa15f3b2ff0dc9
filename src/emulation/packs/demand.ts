import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../host/files.ts'

/**
 * What starts of programs without a pack took longer under QEMU, in this build and in earlier ones: small steps that are
 * built over and over are worth a pack at some time. In CPU seconds, by architecture and recipe.
 */
export interface Demand {
  /** Adds a start; gives what all of them took. */
  add(architecture: string, recipe: string, seconds: number): Promise<number>
  /** From now on its programs have a pack, or never will. */
  forget(architecture: string, recipe: string): Promise<void>
  /** Keeps it for later builds. Never rejects: it is no more than a hint. */
  save(): Promise<void>
}

/** More is not told apart. CPU seconds. */
const MOST = 1000

/** `folder`: that of all packs. */
export function createDemand(folder: string): Demand {
  const file = join(folder, 'wanted.json')
  let reading: Promise<Map<string, number>> | undefined
  let changed = false
  const known = () => (reading ??= readDemand(file))
  const keyOf = (architecture: string, recipe: string) => `${architecture} ${recipe}`

  return {
    async add(architecture, recipe, seconds) {
      const all = await known()
      const sum = Math.min((all.get(keyOf(architecture, recipe)) ?? 0) + seconds, MOST)
      all.set(keyOf(architecture, recipe), sum)
      changed = true
      return sum
    },
    async forget(architecture, recipe) {
      if ((await known()).delete(keyOf(architecture, recipe))) changed = true
    },
    async save() {
      if (!changed) return
      changed = false
      const text = JSON.stringify(Object.fromEntries(await known()))
      await writeFileAtomic(file, text, { fsync: false }).catch(() => undefined)
    },
  }
}

async function readDemand(file: string): Promise<Map<string, number>> {
  try {
    const found = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    return new Map(
      Object.entries(found).flatMap(([name, value]) =>
        typeof value === 'number' && value > 0 && value <= MOST ? [[name, value]] : [],
      ),
    )
  } catch {
    return new Map()
  }
}
