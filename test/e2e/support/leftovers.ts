import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a build left behind: mounts and processes that name the store, and temporary files in it. */
export interface Leftovers {
  readonly mounts: readonly string[]
  readonly processes: readonly string[]
  readonly temporary: readonly string[]
}

/** Nothing left. */
export const CLEAN: Leftovers = { mounts: [], processes: [], temporary: [] }

/**
 * Looks for what a build left behind, until there is nothing or `patience` (milliseconds) is over: after a SIGKILL
 * the kernel still needs a moment to end a namespace.
 */
export async function leftovers(store: string, { patience = 5000 } = {}): Promise<Leftovers> {
  const until = Date.now() + patience
  for (;;) {
    const found = { mounts: mountsUnder(store), processes: processesNaming(store), temporary: temporaryIn(store) }
    const none = found.mounts.length + found.processes.length + found.temporary.length === 0
    if (none || Date.now() > until) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

// Every process's view: the mounts of a build live in a namespace of its own
function mountsUnder(store: string): string[] {
  const lines = processes().flatMap((pid) => read(`/proc/${pid}/mountinfo`).split('\n'))
  return [...new Set(lines.filter((line) => line.includes(store)))]
}

function processesNaming(store: string): string[] {
  return processes()
    .filter((pid) => pid !== String(process.pid) && pid !== String(process.ppid))
    .map((pid) => ({
      pid,
      cmdline: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '),
      environ: read(`/proc/${pid}/environ`),
    }))
    .filter(({ cmdline, environ }) => cmdline.includes(store) || environ.includes(store))
    .map(({ pid, cmdline }) => `${pid} ${cmdline}`)
}

function temporaryIn(store: string): string[] {
  try {
    // With types: names alone would be followed through the symbolic links of images, out of the store and round in
    // circles
    return readdirSync(store, { recursive: true, withFileTypes: true })
      .filter(({ name }) => /^\.?tmp-/.test(name))
      .map(({ parentPath, name }) => join(parentPath, name))
  } catch {
    return []
  }
}

function processes(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
}

// A process may end while it is looked at
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
