import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Names one process and no later one, also among containers that share a folder: process id, start time in clock
 * ticks since boot, and where the id counts (boot and process id namespace).
 */
export interface ProcessMark {
  readonly pid: number
  readonly start: string
  readonly where: string
}

const MARK = /^(\d{1,10})-(\d{1,20})-([0-9a-f]*\.\d*)(?:-|$)/

/** The mark of this process, as text that can begin the name of a file: it ends where the next `-` or the name ends. */
export function ownMark(): string {
  own ??= `${process.pid}-${startTime(process.pid) ?? '0'}-${whereabouts()}`
  return own
}
let own: string | undefined

/** The mark that a name begins with. */
export function readMark(name: string): (ProcessMark & { readonly text: string }) | undefined {
  const [, pid, start, where] = MARK.exec(name) ?? []
  if (pid === undefined) return undefined
  return { pid: Number(pid), start: start!, where: where!, text: `${pid}-${start}-${where}` }
}

/** Whether the process lives; `foreign` when only its own container, or its own boot, could tell. */
export function stateOf({ pid, start, where }: ProcessMark): 'alive' | 'gone' | 'foreign' {
  if (where !== whereabouts()) return 'foreign'
  return startTime(pid) === start ? 'alive' : 'gone'
}

/** Undefined when there is no such process, or a zombie. */
function startTime(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold anything; state is the first field after it, the start time the twentieth
    const rest = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
    return rest[0] === 'Z' || rest[0] === 'X' ? undefined : rest[19]
  } catch {
    return undefined
  }
}

/** Same text for processes that see each other's process ids. */
function whereabouts(): string {
  here ??= `${read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8))}.${read(() =>
    readlinkSync('/proc/self/ns/pid').replace(/\D+/g, ''),
  )}`
  return here
}
let here: string | undefined

function read(get: () => string): string {
  try {
    return get()
  } catch {
    return ''
  }
}
