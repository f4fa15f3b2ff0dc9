import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/** Removes the control groups of that name and those in them: a Docker engine leaves what it made for builds. */
export function removeGroups(name: string): void {
  for (const folder of groupFolders()) if (existsSync(join(folder, name))) removeTree(join(folder, name))
}

/** Where control groups of a system can be: one tree, or one for each controller. */
export function groupFolders(): string[] {
  const top = '/sys/fs/cgroup'
  if (!existsSync(top)) return []
  return [
    top,
    ...readdirSync(top, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(top, entry.name)),
  ]
}

function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name))
  try {
    rmdirSync(folder)
  } catch {
    // something of it still runs: the kernel keeps it
  }
}
