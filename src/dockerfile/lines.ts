/** A line of the file as it is there, newline included; numbers count from 1. */
export interface PhysicalLine {
  readonly raw: string
  readonly number: number
}

/** The physical lines of a text, one after the other. */
export interface LineReader {
  next(): PhysicalLine | undefined
  peek(): PhysicalLine | undefined
}

/** An instruction's line with its continuation lines. */
export interface LogicalLine {
  /** Joined as it is executed: only the continuation characters are gone. */
  readonly text: string
  /** Joined for people: one space where a line was broken at white space. */
  readonly display: string
  readonly line: number
  readonly endLine: number
  /** Lines inside the instruction that are empty. */
  readonly emptyLines: readonly number[]
  /** The comment lines right above it, without `#`; an empty one, or a blank line, starts anew. */
  readonly comments: readonly string[]
}

export type Escape = '\\' | '`'

/** Reads a text line by line without cutting all of it up first. */
export function openLines(text: string): LineReader {
  let offset = 0
  let number = 0
  let ahead: PhysicalLine | undefined
  function read(): PhysicalLine | undefined {
    if (offset >= text.length) return undefined
    const newline = text.indexOf('\n', offset)
    const end = newline === -1 ? text.length : newline + 1
    const raw = text.slice(offset, end)
    offset = end
    number++
    return { raw, number }
  }
  function peek(): PhysicalLine | undefined {
    return (ahead ??= read())
  }
  function next(): PhysicalLine | undefined {
    const line = peek()
    ahead = undefined
    return line
  }
  return { next, peek }
}

/** The line without its line end, `\n` or `\r\n`. */
export function withoutNewline(raw: string): string {
  let end = raw.endsWith('\n') ? raw.length - 1 : raw.length
  while (end > 0 && (raw[end - 1] === '\n' || raw[end - 1] === '\r')) end--
  return raw.slice(0, end)
}

/** The next instruction's line; blank lines and comments are skipped. `undefined` at the end of the file. */
export function readLogicalLine(reader: LineReader, escape: Escape): LogicalLine | undefined {
  let comments: string[] | undefined
  for (let first = reader.next(); first; first = reader.next()) {
    const text = withoutNewline(first.raw).trimStart()
    if (text.startsWith('#')) {
      const comment = text.slice(1).trim()
      if (comment === '') comments = undefined
      else (comments ??= []).push(comment)
    } else if (text === '') {
      comments = undefined
    } else {
      const whole = readContinuations({ text, number: first.number }, reader, { escape, comments: comments ?? NONE })
      if (whole.text.trim() !== '') return whole
    }
  }
  return undefined
}

const NONE: readonly never[] = []

function readContinuations(
  first: { text: string; number: number },
  reader: LineReader,
  { escape, comments }: { escape: Escape; comments: readonly string[] },
): LogicalLine {
  let { text, continued } = cutContinuation(first.text, escape)
  // Most instructions are one line
  if (!continued)
    return { text, display: text.trim(), line: first.number, endLine: first.number, emptyLines: NONE, comments }
  const pieces = [text]
  const emptyLines: number[] = []
  let endLine = first.number
  while (continued) {
    const line = reader.next()
    if (!line) break
    endLine = line.number
    const content = withoutNewline(line.raw)
    const trimmed = content.trimStart()
    if (trimmed.startsWith('#')) continue
    if (trimmed === '') {
      emptyLines.push(line.number)
      continue
    }
    ;({ text, continued } = cutContinuation(content, escape))
    pieces.push(text)
  }
  return { text: pieces.join(''), display: joinForPeople(pieces), line: first.number, endLine, emptyLines, comments }
}

/** Cuts the escape character at the end of a line, blanks after it allowed; a doubled one is text. */
export function cutContinuation(text: string, escape: Escape): { text: string; continued: boolean } {
  let end = text.length
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--
  const continued = end > 0 && text[end - 1] === escape && text[end - 2] !== escape
  return continued ? { text: text.slice(0, end - 1), continued } : { text, continued }
}

function joinForPeople(pieces: readonly string[]): string {
  if (pieces.length === 1) return pieces[0]!.trim()
  const parts: string[] = []
  let spaceBefore = false
  for (const piece of pieces) {
    const start = piece.trimStart()
    const trimmed = start.trimEnd()
    if (parts.length > 0 && trimmed !== '' && (spaceBefore || start.length < piece.length)) parts.push(' ')
    if (trimmed !== '') parts.push(trimmed)
    spaceBefore = trimmed.length < start.length || (trimmed === '' && (spaceBefore || piece !== ''))
  }
  return parts.join('')
}
