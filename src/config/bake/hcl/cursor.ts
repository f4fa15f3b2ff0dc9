import type { Place } from './ast.ts'
import { HclError } from './error.ts'

// A parser that calls itself would use up the stack
const MAX_DEPTH = 200

/** A text and how far it is read. Newlines end an expression except where something is open. */
export interface Cursor {
  readonly source: string
  offset: number
  newlines: boolean
  depth: number
  /** The place of an offset. */
  readonly placeAt: (offset: number) => Place
}

/** A cursor at the start of a file. */
export function openCursor(file: string, source: string): Cursor {
  const starts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return { source, offset: 0, newlines: true, depth: 0, placeAt: (offset) => placeIn(file, source, starts, offset) }
}

function placeIn(file: string, source: string, starts: readonly number[], offset: number): Place {
  let [low, high] = [0, starts.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  return { file, line: low + 1, column: charactersIn(source, starts[low]!, offset) + 1 }
}

/** Without a copy: a hostile file is one long line, and each of its tokens has a place. */
function charactersIn(source: string, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at += 1) {
    const isPair = source.codePointAt(at)! > 0xffff && at + 1 < to
    if (isPair) at += 1
    count += 1
  }
  return count
}

/** The place of what comes next. */
export function here(cursor: Cursor): Place {
  return cursor.placeAt(cursor.offset)
}

/** An error at what comes next. */
export function failure(cursor: Cursor, message: string, hint?: string): HclError {
  return new HclError(message, here(cursor), hint)
}

/** Passes spaces and comments, and newlines where they mean nothing. */
export function skip(cursor: Cursor): void {
  const { source } = cursor
  for (;;) {
    const char = source[cursor.offset]
    if (char === ' ' || char === '\t' || (char === '\r' && source[cursor.offset + 1] === '\n')) cursor.offset += 1
    else if (char === '\n' && !cursor.newlines) cursor.offset += 1
    else if (char === '#' || source.startsWith('//', cursor.offset)) {
      const end = source.indexOf('\n', cursor.offset)
      cursor.offset = end < 0 ? source.length : end
    } else if (source.startsWith('/*', cursor.offset)) {
      const end = source.indexOf('*/', cursor.offset + 2)
      if (end < 0) throw failure(cursor, 'this comment has no end')
      cursor.offset = end + 2
    } else return
  }
}

/** Passes newlines as well. */
export function skipLines(cursor: Cursor): void {
  withNewlines(cursor, false, () => skip(cursor))
}

/** Reads something with newlines that end it, or that mean nothing. */
export function withNewlines<T>(cursor: Cursor, newlines: boolean, read: () => T): T {
  const before = cursor.newlines
  cursor.newlines = newlines
  try {
    return read()
  } finally {
    cursor.newlines = before
  }
}

/** Reads something that lies within something else. */
export function deeper<T>(cursor: Cursor, read: () => T): T {
  if (cursor.depth >= MAX_DEPTH) throw failure(cursor, `this is nested deeper than ${MAX_DEPTH} levels`)
  cursor.depth += 1
  try {
    return read()
  } finally {
    cursor.depth -= 1
  }
}

/** Whether these characters come next. */
export function sees(cursor: Cursor, text: string): boolean {
  return cursor.source.startsWith(text, cursor.offset)
}

/** Takes these characters when they come next. */
export function take(cursor: Cursor, text: string): boolean {
  if (!sees(cursor, text)) return false
  cursor.offset += text.length
  return true
}

/** Takes these characters, which must come next. */
export function expect(cursor: Cursor, text: string, what: string): void {
  if (!take(cursor, text)) throw failure(cursor, `${what} is expected, not ${next(cursor)}`)
}

/** What comes next, for a message. */
export function next({ source, offset }: Cursor): string {
  const char = source.codePointAt(offset)
  if (char === undefined) return 'the end of the file'
  if (char === 10 || char === 13) return 'the end of the line'
  const word = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy
  word.lastIndex = offset
  return `"${word.exec(source)?.[0]?.slice(0, 40) ?? String.fromCodePoint(char)}"`
}

/** A name, when one comes next. */
export function takeName(cursor: Cursor): string | undefined {
  const pattern = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy
  pattern.lastIndex = cursor.offset
  const found = pattern.exec(cursor.source)?.[0]
  if (found !== undefined) cursor.offset += found.length
  return found
}

/** Whether a certain name comes next. */
export function seesName(cursor: Cursor, name: string): boolean {
  const before = cursor.offset
  const found = takeName(cursor)
  cursor.offset = before
  return found === name
}

/** Text that matches at this place, taken. */
export function takeMatch(cursor: Cursor, pattern: RegExp): string | undefined {
  const sticky = new RegExp(pattern, 'uy')
  sticky.lastIndex = cursor.offset
  const found = sticky.exec(cursor.source)?.[0]
  if (found !== undefined) cursor.offset += found.length
  return found
}
