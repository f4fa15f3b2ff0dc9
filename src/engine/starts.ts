import { closeSync, openSync, readSync } from 'node:fs'
import { compact } from '../compact.ts'
import type { PlatformStarts, ProgramStarts, StepProfile } from '../content/starts.ts'

/** Starts of all emulated steps of a build. */
export interface StartList {
  readonly add: (
    platform: string,
    starts: readonly ProgramStarts[],
    images?: Iterable<string>,
    profile?: StepProfile,
  ) => void
  /** Those of an image; without a name of the only one. */
  readonly all: (image?: string) => readonly PlatformStarts[]
}

/** Steps may write into the file what they like: no more than this is read of it. Bytes. */
const MAX_READ = 64 << 20
const MAX_PROGRAMS = 1000
const PIECE = 1 << 16

/** What is said of programs beyond the first thousand. */
export const OTHERS = '(other programs)'

/** Reads what the handler wrote: lines of "n PATH", "e PATH" and "u PATH" (qemu/handler/engine.c). */
export function readStarts(path: string): readonly ProgramStarts[] {
  const found = new Map<string, { native: number; emulated: number }>()
  const file = openSync(path, 'r')
  try {
    const piece = Buffer.alloc(PIECE)
    let rest = ''
    for (let at = 0; at < MAX_READ; ) {
      const size = readSync(file, piece, 0, PIECE, at)
      if (size === 0) break
      at += size
      const lines = (rest + piece.toString('latin1', 0, size)).split('\n')
      rest = lines.pop()!.slice(0, PIECE)
      for (const line of lines) count(found, line)
    }
  } finally {
    closeSync(file)
  }
  return sorted([...found].map(([program, counts]) => ({ program, ...counts })))
}

function count(found: Map<string, { native: number; emulated: number }>, line: string): void {
  if (!/^[neu] [^\0]{1,256}$/.test(line)) return
  const path = Buffer.from(line.slice(2), 'latin1').toString()
  const program = found.has(path) || found.size < MAX_PROGRAMS ? path : OTHERS
  const counts = found.get(program) ?? { native: 0, emulated: 0 }
  found.set(program, counts)
  if (line.startsWith('n')) counts.native += 1
  else counts.emulated += 1
  if (line.startsWith('u')) counts.native = Math.max(0, counts.native - 1)
}

function sorted(programs: readonly ProgramStarts[]): readonly ProgramStarts[] {
  return [...programs].sort(
    (a, b) => b.emulated - a.emulated || b.native - a.native || (a.program < b.program ? -1 : 1),
  )
}

/** An empty list; `detailed` tells the profile of each step, not only what they come to. */
export function createStartList({ detailed = false }: { readonly detailed?: boolean } = {}): StartList {
  const found: { image: string; platform: string; starts: readonly ProgramStarts[]; profile?: StepProfile }[] = []
  return {
    add(platform, starts, images = [], profile) {
      const names = [...images]
      if (starts.length > 0)
        for (const image of names.length > 0 ? names : [''])
          found.push({ image, platform, starts, ...compact({ profile }) })
    },
    all(image) {
      const own = found.filter((one) => image === undefined || one.image === image)
      return [...new Set(own.map(({ platform }) => platform))].map((platform) => {
        const programs = sum(own.flatMap((one) => (one.platform === platform ? one.starts : [])))
        const total = (of: 'native' | 'emulated') => programs.reduce((all, one) => all + one[of], 0)
        const steps = own.flatMap((one) => (one.platform === platform && one.profile ? [one.profile] : []))
        return {
          platform,
          native: total('native'),
          emulated: total('emulated'),
          programs,
          ...(steps.length > 0 ? { cpu: cpuOf(steps) } : {}),
          ...(detailed && steps.length > 0 ? { profile: steps } : {}),
        }
      })
    },
  }
}

function cpuOf(steps: readonly StepProfile[]): { readonly native: number; readonly emulated: number } {
  const programs = steps.flatMap((step) => step.programs)
  const total = (of: 'native' | 'emulated') => programs.reduce((all, one) => all + one[of], 0)
  return { native: total('native'), emulated: total('emulated') }
}

function sum(starts: readonly ProgramStarts[]): readonly ProgramStarts[] {
  const found = new Map<string, ProgramStarts>()
  for (const { program, native, emulated } of starts) {
    const before = found.get(program)
    found.set(program, {
      program,
      native: native + (before?.native ?? 0),
      emulated: emulated + (before?.emulated ?? 0),
    })
  }
  return sorted([...found.values()])
}
