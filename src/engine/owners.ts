import { readdirSync } from 'node:fs'
import { readMark } from '../host/process-mark.ts'
import type { StoreFolder } from '../store/folder.ts'
import { goneProcesses } from '../store/leftovers.ts'
import { cgroupOwners } from './cgroups.ts'
import { findStepCgroups } from './step-cgroups.ts'

/** The process mark that a name begins with; the process id of names that older versions made. */
export function ownerOf(name: string): string {
  return readMark(name)?.text ?? /^\d+/.exec(name)?.[0] ?? ''
}

/**
 * Processes that left something behind and are gone, by their marks. Found out by the engine, which sees all processes,
 * before a worker starts: who begins to build in the meantime is not among them.
 */
export function deadOwners(folder: StoreFolder): string[] {
  const parent = findStepCgroups(process.geteuid?.() ?? 0)?.parent
  const isGone = goneProcesses(folder)
  const owners = new Set([...readdirSync(folder.tmp).map(ownerOf), ...cgroupOwners(parent)])
  return [...owners].filter((owner) => owner !== '' && isGone(`${owner}-`))
}
