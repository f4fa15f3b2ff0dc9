import type { Escape } from '../lines.ts'
import { cutContinuation, withoutNewline } from '../lines.ts'
import { cutField, cutFlags } from '../split.ts'
import type { RunInstruction } from '../types.ts'

/** A character's place in the file; lines count from 1, columns from 0. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** The shell text of a RUN, each character of which knows where it stands in the file. */
export interface Script {
  readonly text: string
  place(offset: number): Place
  /** Absent: the text stands behind RUN; else the first line of the heredoc that it fills. */
  readonly body?: number
}

/** The lines of a file, without what ends them. */
export function linesOf(text: string): string[] {
  return text.split('\n')
}

interface Piece {
  readonly text: string
  readonly line: number
  readonly column: number
}

/** The shell text of a RUN in shell form, or why there is none. */
export function scriptOf(run: RunInstruction, lines: readonly string[], escape: Escape): Script | string {
  const { command, at } = run
  if (command.form === 'exec') return 'it is a JSON list, not a shell command'
  const header = readHeader(lines, at.line, escape)
  if (/^<<-?\s*(['"]?)[^\s'"]+\1$/.test(command.line.trim()) && command.heredocs.length === 1) {
    const first = header.at(-1)!.line + 1
    const body = pieces(lines, first, (at.endLine ?? first) - 1)
    const [start] = body
    if (start?.text.startsWith('#!') && !/^#!\s*(\/usr\/bin\/env\s+)?\S*\b(ba|da|a)?sh\b/.test(start.text))
      return 'its heredoc is not a shell script'
    return { ...located(body, '\n'), body: start?.text.startsWith('#!') ? first + 1 : first }
  }
  const { text, place } = located(header, '')
  const { rest } = cutFlags(cutField(text).rest, escape)
  const offset = text.trimEnd().length - rest.length
  return { text: rest, place: (at) => place(offset + at) }
}

/** The lines that one instruction is written on, without comments, empty lines and continuation characters. */
function readHeader(lines: readonly string[], first: number, escape: Escape): Piece[] {
  const found: Piece[] = []
  for (let line = first; line <= lines.length; line++) {
    const whole = withoutNewline(lines[line - 1]!)
    const trimmed = whole.trimStart()
    if (found.length > 0 && (trimmed.startsWith('#') || trimmed === '')) continue
    const { text, continued } = cutContinuation(found.length === 0 ? trimmed : whole, escape)
    found.push({ text, line, column: found.length === 0 ? whole.length - trimmed.length : 0 })
    if (!continued) break
  }
  return found
}

function pieces(lines: readonly string[], first: number, last: number): Piece[] {
  return lines
    .slice(first - 1, last)
    .map((text, index) => ({ text: withoutNewline(text), line: first + index, column: 0 }))
}

function located(parts: readonly Piece[], separator: string): { text: string; place: (offset: number) => Place } {
  const starts: number[] = []
  let length = 0
  for (const { text } of parts) {
    starts.push(length)
    length += text.length + separator.length
  }
  const place = (offset: number): Place => {
    const index = Math.max(
      0,
      starts.findLastIndex((start) => start <= offset),
    )
    const { line, column } = parts[index] ?? { line: 1, column: 0 }
    return { line, column: column + offset - (starts[index] ?? 0) }
  }
  return { text: parts.map(({ text }) => text).join(separator), place }
}
