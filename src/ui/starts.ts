import { cleanLine } from './text.ts'

/** What emulated steps of a platform started, most often emulated first. */
export interface ShownStarts {
  readonly platform: string
  readonly native: number
  readonly emulated: number
  readonly programs: readonly { readonly program: string; readonly native: number; readonly emulated: number }[]
}

/** How many of those most often emulated a summary names. */
const NAMED = 3

/** One line: how many programs were started how, and which of them most often under QEMU. */
export function startsText({ platform, native, emulated, programs }: ShownStarts): string {
  const most = emulatedMost(programs).map(([name, starts]) => `${name} ${grouped(starts)}`)
  return `${platform} started ${grouped(native)} programs natively, ${grouped(emulated)} emulated; most: ${most.join(', ')}`
}

/** By their file names: /bin/sh and /usr/bin/sh are the same to who reads it. */
function emulatedMost(programs: ShownStarts['programs']): readonly (readonly [string, number])[] {
  const names = new Map<string, number>()
  for (const { program, emulated } of programs) {
    const name = cleanLine(program.slice(program.lastIndexOf('/') + 1)).slice(0, 40)
    if (emulated > 0) names.set(name, (names.get(name) ?? 0) + emulated)
  }
  return [...names].sort(([, a], [, b]) => b - a).slice(0, NAMED)
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}
