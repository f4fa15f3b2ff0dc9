import { readdir, rm, writeFile } from 'node:fs/promises'
import type { Driver } from '../driver/driver.ts'
import { temporaryName } from '../source/temporary.ts'
import { goneProcesses } from '../store/leftovers.ts'
import type { StoreFolder } from '../store/folder.ts'
import { keyOf } from '../store/key.ts'

/** A driver whose jobs others on this machine can count while they run. */
export function counted(
  driver: Driver,
  { folder, endpoint }: { readonly folder: StoreFolder; readonly endpoint: string },
): Driver {
  return {
    build: (job, options) => marked(() => driver.build(job, options)),
    ...(driver.test ? { test: (test, options) => marked(async () => driver.test?.(test, options)) } : {}),
    close: () => driver.close(),
  }

  async function marked<T>(work: () => Promise<T>): Promise<T> {
    const mark = temporaryName(folder, markOf(endpoint))
    await writeFile(mark, '').catch(() => undefined) // a count is not worth a build
    try {
      return await work()
    } finally {
      await rm(mark, { force: true }).catch(() => undefined)
    }
  }
}

/** Jobs that this machine's builds with the same store have running on a node. */
export async function runningJobs(folder: StoreFolder, endpoint: string): Promise<number> {
  const names = await readdir(folder.tmp).catch((): string[] => [])
  const mark = `-${markOf(endpoint)}-`
  const isGone = goneProcesses(folder)
  return names.filter((name) => name.includes(mark) && !isGone(name)).length
}

function markOf(endpoint: string): string {
  return `job-${keyOf(endpoint).slice(0, 16)}`
}
