import { readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
/** The process mark, or the process id alone that older versions wrote. */
const NAME = /^xbuild-(\d+-\d+-[0-9a-f]*\.\d*|\d+)-/

/**
 * Removes the control groups of containers whose build was killed: the kernel ends processes with their namespace,
 * not these.
 */
export function removeStaleCgroups(dead: ReadonlySet<string>): void {
  for (const { path, owner } of containerCgroups()) {
    if (!dead.has(owner)) continue
    try {
      rmdirSync(path)
    } catch {
      // not ours to remove, or in use after all
    }
  }
}

/** The processes whose containers have control groups now. */
export function cgroupOwners(): string[] {
  return containerCgroups().map(({ owner }) => owner)
}

/** Version 2 has them in the root, version 1 in each controller's folder. */
function containerCgroups(): { path: string; owner: string }[] {
  return [ROOT, ...namesIn(ROOT).map((name) => join(ROOT, name))].flatMap((folder) =>
    namesIn(folder).flatMap((name) => {
      const owner = NAME.exec(name)
      return owner ? [{ path: join(folder, name), owner: owner[1]! }] : []
    }),
  )
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}
