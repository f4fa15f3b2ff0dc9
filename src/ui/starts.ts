import { cleanLine } from './text.ts'

/** What emulated steps of a platform started, most often emulated first. */
export interface ShownStarts {
  readonly platform: string
  readonly native: number
  readonly emulated: number
  readonly programs: readonly { readonly program: string; readonly native: number; readonly emulated: number }[]
  /** CPU seconds, estimated. */
  readonly cpu?: { readonly native: number; readonly emulated: number }
  /** Of each step, with `--accel=profile`. */
  readonly profile?: readonly ShownProfile[]
}

/** Where the CPU seconds of a step went; its programs are estimated. */
export interface ShownProfile {
  readonly step: string
  readonly seconds: number
  readonly programs: readonly { readonly name: string; readonly native: number; readonly emulated: number }[]
  readonly starts: ShownStarts['programs']
}

/** How many of those most often emulated a summary names. */
const NAMED = 3

/** One line: how many programs were started how, and which of them most often under QEMU. */
export function startsText({ platform, native, emulated, programs, cpu }: ShownStarts): string {
  const most = emulatedMost(programs).map(([name, starts]) => `${name} ${grouped(starts)}`)
  const share = cpu && shareText(cpu)
  const started = `${platform} started ${grouped(native)} programs natively, ${grouped(emulated)} emulated; most: ${most.join(', ')}`
  return share === undefined ? started : `${started}; ${share}`
}

/** CPU seconds below which looking a few times a second says nothing of the share. */
const TOO_SHORT = 5

function shareText({ native, emulated }: { readonly native: number; readonly emulated: number }): string | undefined {
  const all = native + emulated
  return all < TOO_SHORT ? undefined : `about ${Math.round((20 * native) / all) * 5} % of their CPU time natively`
}

/** Rows of one step's table. */
const ROWS = 12

/** A table for each step, the programs that took most first; no lines without profiles. */
export function profileTexts({ platform, profile = [] }: ShownStarts): string[] {
  const all = profile.flatMap(({ programs }) => programs)
  const [native, emulated] = [sumOf(all, 'native'), sumOf(all, 'emulated')]
  if (native + emulated === 0) return []
  const share = Math.round((100 * native) / (native + emulated))
  return [
    `${platform}: ${share} % of the CPU time of emulated steps ran natively; seconds of programs are estimated`,
    ...profile.flatMap(stepTable),
  ]
}

function stepTable({ step, seconds, programs, starts }: ShownProfile): string[] {
  const named = (name: string) => starts.filter((one) => one.program.slice(one.program.lastIndexOf('/') + 1) === name)
  const rows = [...programs]
    .sort((a, b) => b.native + b.emulated - a.native - a.emulated)
    .slice(0, ROWS)
    .map((one) => [
      cleanLine(one.name).slice(0, 40),
      grouped(sumOf(named(one.name), 'native')),
      grouped(sumOf(named(one.name), 'emulated')),
      one.native.toFixed(1),
      one.emulated.toFixed(1),
    ])
  const table = [['PROGRAM', 'STARTS', 'EMULATED', 'CPU S', 'EMULATED'], ...rows]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  return [
    `${cleanLine(step).slice(0, 100)}: ${seconds.toFixed(1)} s of CPU`,
    ...table.map(
      (row) =>
        `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`,
    ),
  ]
}

function sumOf(all: readonly { readonly native: number; readonly emulated: number }[], of: 'native' | 'emulated') {
  return all.reduce((sum, one) => sum + one[of], 0)
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
