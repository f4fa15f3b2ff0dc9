import type { ArchitectureStatus, HandlerStatus, MachineStatus } from '../emulation/machine/status.ts'
import { cleanLine } from './text.ts'

const HEAD = ['FOR', 'RUNS', 'HANDLER', 'FLAGS', 'INTERPRETER', 'REGISTERED BY', 'AT BOOT']

const RUNS: Readonly<Record<ArchitectureStatus['runs'], string>> = {
  cpu: 'by the CPU',
  images: 'in images too',
  here: 'not in images',
  no: 'no',
}

/** The machine's handlers as a table, the flags in words and what to beware of under it. Ends in a newline. */
export function formatMachine({ binfmt, architectures }: MachineStatus): string {
  const rows = [HEAD, ...architectures.flatMap(rowsOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  const meanings = new Map(
    architectures.flatMap(({ handlers }) =>
      handlers.flatMap((handler) => handler.meanings.map(({ letter, meaning }) => [letter, meaning] as const)),
    ),
  )
  const legend = [...meanings].map(([letter, meaning]) => `${letter}: ${meaning}`)
  const fixes = new Map(architectures.flatMap((one) => one.warnings.map(({ text, fix }) => [text, fix] as const)))
  const warnings = [...fixes].flatMap(([text, fix]) => {
    const whose = architectures
      .filter((one) => one.warnings.some((warning) => warning.text === text))
      .map(({ architecture }) => architecture)
    return [`${whose.join(', ')}: ${text}`, ...(fix === undefined ? [] : [`  hint: ${fix}`])].map((line) =>
      cleanLine(line),
    )
  })
  const state = {
    on: [],
    off: ['All handlers of this machine are switched off'],
    'not mounted': ['binfmt_misc is not mounted: this machine has no handlers'],
  }[binfmt]
  return `${[table, legend, state, warnings]
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n')}\n`
}

/** The same for machines. Ends in a newline. */
export function machineJson(status: MachineStatus): string {
  return `${JSON.stringify(status, null, 2)}\n`
}

function rowsOf({ architecture, runs, handlers, emulator }: ArchitectureStatus): string[][] {
  const start = [`linux/${architecture}`, RUNS[runs]]
  if (handlers.length > 0)
    return handlers.map((handler) => [...start, ...cellsOf(handler)].map((cell) => cleanLine(cell)))
  const there = emulator
    ? `(${emulator.path}${emulator.version ? ` ${emulator.version}` : ''}${emulator.static ? '' : ', not static'})`
    : '-'
  return [[...start, '-', '-', runs === 'cpu' ? '-' : there, '-', '-'].map((cell) => cleanLine(cell))]
}

function cellsOf({ name, enabled, flags, interpreter, origin }: HandlerStatus): string[] {
  const path = `${interpreter.path}${interpreter.version ? ` ${interpreter.version}` : ''}${interpreter.handler ? ' with the handler of packs' : ''}${interpreter.exists ? '' : ' (not there)'}`
  return [enabled ? name : `${name} (off)`, flags || '-', path, origin.by, origin.file ?? 'no']
}
