import { readdirSync, readFileSync } from 'node:fs'

/** What living processes have done. */
export interface ProcessWork {
  /** Bytes that they read and wrote, by `read`, `write` and the like. */
  readonly bytes: number
  /** Hundredths of a second of CPU time, those of children that have ended too. */
  readonly cpu: number
}

/** Asks the kernel what the processes of a session (`setsid`) did until now; nothing where it does not say. */
export function workOfSession(session: number): ProcessWork | undefined {
  return workOf((fields) => fields[3] === String(session))
}

/** The same for the children of a process. */
export function workOfChildren(parent: number): ProcessWork | undefined {
  return workOf((fields) => fields[1] === String(parent))
}

function workOf(isOne: (fields: readonly string[]) => boolean): ProcessWork | undefined {
  try {
    let [bytes, cpu] = [0, 0]
    for (const name of readdirSync('/proc')) {
      const fields = /^\d+$/.test(name) ? statOf(name) : undefined
      if (!fields || !isOne(fields)) continue
      cpu += fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
      const io = readFileSync(`/proc/${name}/io`, 'latin1')
      for (const [, count] of io.matchAll(/^[rw]char: (\d+)$/gm)) bytes += Number(count)
    }
    return { bytes, cpu }
  } catch {
    return undefined
  }
}

/** The fields after the name, which may hold anything: state, parent, group, session, ... */
function statOf(pid: string): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined // it has ended
  }
}
