import { readdirSync } from 'node:fs'
import { isAlive } from '../../store/alive.ts'
import type { StoreFolder } from '../../store/folder.ts'
import { cgroupOwners } from './cgroups.ts'

/** Process id in the name of a folder in `tmp`. */
export function ownerOf(name: string): number {
  return Number.parseInt(name, 10)
}

/**
 * Processes that left something behind and are gone. Found out by the engine, which sees all processes, before a
 * worker starts: who
 * begins to build in the meantime is not among them.
 */
export function deadOwners(folder: StoreFolder): number[] {
  const owners = new Set([...readdirSync(folder.tmp).map(ownerOf), ...cgroupOwners()])
  return [...owners].filter((pid) => pid > 0 && !isAlive(pid))
}
