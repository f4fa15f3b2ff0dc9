import { readdirSync, readFileSync } from 'node:fs'
import type { StepTimes } from '../../content/starts.ts'

/** Clock ticks a second, as /proc counts (proc_pid_stat(5)); the same on every Linux that Node runs on. */
const TICKS = 100

/** Names beyond these are one: a step may name its programs as it likes. */
const MAX_NAMES = 500

/** Of more processes no more is looked at: a step may start as many as it is let. */
const MAX_PROCESSES = 2000

/** Watches the processes below one; `end` tells what they took. */
export interface CpuWatch {
  end(): StepTimes
}

/**
 * Tells which programs the processes of a container spend their CPU time in: looks again and again which of them run
 * (state R), natively or under QEMU, and shares the time that the kernel counted out among them. Short programs are met as
 * often as their time says, so nothing is lost but precision. `pause`: milliseconds between two looks, on average.
 */
export function watchCpu(pid: number, pause = 30): CpuWatch {
  const met = new Map<string, { native: number; emulated: number }>()
  let ticks = 0
  let timer: NodeJS.Timeout | undefined

  function sample(): void {
    let sum = 0
    for (const one of descendants(pid)) {
      const stat = statOf(one)
      if (!stat) continue
      sum += stat.ticks
      if (stat.state !== 'R') continue
      const program = programOf(one)
      if (!program) continue
      const name = met.has(program.name) || met.size < MAX_NAMES ? program.name : '(other programs)'
      const counts = met.get(name) ?? { native: 0, emulated: 0 }
      counts[program.native ? 'native' : 'emulated'] += 1
      met.set(name, counts)
    }
    ticks = Math.max(ticks, sum)
    // At no fixed times: what runs at regular ones would be met always or never
    timer = setTimeout(sample, pause * (0.5 + Math.random()))
  }
  sample()

  return {
    end() {
      clearTimeout(timer)
      const looks = [...met.values()].reduce((all, { native, emulated }) => all + native + emulated, 0)
      const seconds = ticks / TICKS
      const each = looks === 0 ? 0 : seconds / looks
      return {
        seconds,
        programs: [...met].map(([name, { native, emulated }]) => ({
          name,
          native: native * each,
          emulated: emulated * each,
        })),
      }
    },
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // it ended meanwhile
  }
}

/** All processes below one. */
function descendants(pid: number): number[] {
  const found: number[] = []
  for (let open = [pid]; open.length > 0 && found.length < MAX_PROCESSES; found.push(...open))
    open = open.flatMap(childrenOf)
  return found.slice(0, MAX_PROCESSES)
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** Its state, and the ticks that it and its children that ended took. */
function statOf(pid: number): { readonly state: string; readonly ticks: number } | undefined {
  const text = read(`/proc/${pid}/stat`)
  const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (fields.length < 14) return undefined
  return { state, ticks: fields.slice(10, 14).reduce((sum, field) => sum + Number(field), 0) }
}

/**
 * The program that a process runs, by how the handler starts it (qemu/handler/start.c): QEMU with the program's path, a
 * loader with its twin, or a twin that needs none. Of others - the container's runtime - nothing.
 */
export function programOf(pid: number, text: string = read(`/proc/${pid}/cmdline`)): NamedProgram | undefined {
  const [first = '', path = '', ...more] = text.split('\0')
  const name = (from: string) => Buffer.from(from.slice(from.lastIndexOf('/') + 1).slice(0, 80), 'latin1').toString()
  if (first.startsWith('/dev/.xbuild/packs/')) {
    if (path !== '--inhibit-cache') return { name: name(first), native: true }
    // A library that the loader brings in first may be named before
    return { name: name(more[more.indexOf('--argv0') + 2] ?? ''), native: true }
  }
  if (/\/packs\/qemu\/[\w-]+$/.test(first) || /\/qemu-[\w-]+$/.test(first)) return { name: name(path), native: false }
  return undefined
}

/** A program by its file name. */
export interface NamedProgram {
  readonly name: string
  readonly native: boolean
}
