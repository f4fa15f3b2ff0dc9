import type { Expression, Place } from './ast.ts'
import { type Cursor, deeper, expect, failure, here, sees, skip, take, takeName, withNewlines } from './cursor.ts'
import { HclError } from './error.ts'
import { text } from './value.ts'

/** Reads an expression; given in, so that expressions and templates need not import each other. */
export type ReadExpression = (cursor: Cursor) => Expression

/** Where a template ends: at a quote, or at the end of its own text. */
export type Ending = 'quote' | 'end'

type Directive =
  | { readonly kind: 'if'; readonly at: Place; readonly condition: Expression }
  | {
      readonly kind: 'for'
      readonly at: Place
      readonly keyName?: string
      readonly valueName: string
      readonly of: Expression
    }
  | { readonly kind: 'else' | 'endif' | 'endfor' | 'end'; readonly at: Place }

type Part =
  | { readonly kind: 'text'; readonly at: Place; text: string }
  | { readonly kind: 'expression'; readonly at: Place; readonly expression: Expression }
  | Directive

/** The template that comes next, up to its end; `flush` takes the common indentation away, as `<<-` does. */
export function readTemplate(cursor: Cursor, ending: Ending, read: ReadExpression, flush = false): Expression {
  const at = here(cursor)
  const parts = readParts(cursor, ending, read)
  if (flush) unindent(parts)
  const stream = { parts, index: 0 }
  const pieces = assemble(stream, ['end'])
  const [only] = pieces
  if (only && pieces.length === 1 && only.kind !== 'literal' && parts[0]?.kind === 'expression')
    return { kind: 'wrap', at, inner: only }
  if (pieces.length === 0) return { kind: 'literal', at, value: text('') }
  if (only && pieces.length === 1 && only.kind === 'literal') return only
  return { kind: 'template', at, parts: pieces }
}

function readParts(cursor: Cursor, ending: Ending, read: ReadExpression): Part[] {
  const parts: Part[] = []
  let trim = false
  for (;;) {
    const at = here(cursor)
    const literal = ending === 'quote' ? quotedText(cursor) : plainText(cursor)
    if (literal !== '') {
      parts.push({ kind: 'text', at, text: trim ? literal.trimStart() : literal })
      trim = false
      continue
    }
    if (ending === 'end' ? cursor.offset >= cursor.source.length : sees(cursor, '"')) break
    if (cursor.offset >= cursor.source.length || sees(cursor, '\n'))
      throw failure(cursor, 'this text has no closing quote')
    const part = deeper(cursor, () => sequence(cursor, parts, read))
    parts.push(part.part)
    trim = part.trim
  }
  parts.push({ kind: 'end', at: here(cursor) })
  return parts
}

function sequence(cursor: Cursor, parts: Part[], read: ReadExpression): { part: Part; trim: boolean } {
  const at = here(cursor)
  const directive = sees(cursor, '%{')
  cursor.offset += 2
  const last = parts.at(-1)
  if (take(cursor, '~') && last?.kind === 'text') last.text = last.text.trimEnd()
  return withNewlines(cursor, false, () => {
    skip(cursor)
    const part: Part = directive
      ? readDirective(cursor, at, read)
      : { kind: 'expression', at, expression: read(cursor) }
    skip(cursor)
    const trim = take(cursor, '~')
    expect(cursor, '}', 'a closing "}"')
    return { part, trim }
  })
}

function readDirective(cursor: Cursor, at: Place, read: ReadExpression): Directive {
  const word = takeName(cursor)
  skip(cursor)
  switch (word) {
    case 'if':
      return { kind: 'if', at, condition: read(cursor) }
    case 'for': {
      const names = [nameOf(cursor)]
      skip(cursor)
      if (take(cursor, ',')) {
        skip(cursor)
        names.push(nameOf(cursor))
        skip(cursor)
      }
      if (takeName(cursor) !== 'in')
        throw failure(cursor, 'the word "in" is expected after the names of a for directive')
      skip(cursor)
      const of = read(cursor)
      const [first = '', second] = names
      return {
        kind: 'for',
        at,
        of,
        ...(second === undefined ? { valueName: first } : { keyName: first, valueName: second }),
      }
    }
    case 'else':
    case 'endif':
    case 'endfor':
      return { kind: word, at }
    default:
      throw new HclError(
        `there is no directive "${word ?? ''}"`,
        at,
        'The directives are if, else, endif, for and endfor',
      )
  }
}

function nameOf(cursor: Cursor): string {
  const name = takeName(cursor)
  if (name === undefined) throw failure(cursor, 'a name is expected after "for"')
  return name
}

function assemble(
  stream: { parts: readonly Part[]; index: number },
  until: readonly Directive['kind'][],
): Expression[] {
  const pieces: Expression[] = []
  for (;;) {
    const part = stream.parts[stream.index]!
    if (part.kind !== 'text' && part.kind !== 'expression' && (until as readonly string[]).includes(part.kind))
      return pieces
    stream.index += 1
    if (part.kind === 'expression') pieces.push(part.expression)
    else if (part.kind === 'text') addText(pieces, part.at, part.text)
    else if (part.kind === 'if') pieces.push(readIf(stream, part))
    else if (part.kind === 'for') pieces.push(readFor(stream, part))
    else if (part.kind === 'end') throw new HclError(`%{${until.at(-1)}} is missing`, part.at)
    else throw new HclError(`%{${part.kind}} does not belong here`, part.at)
  }
}

function addText(pieces: Expression[], at: Place, added: string): void {
  const last = pieces.at(-1)
  if (last?.kind === 'literal' && typeof last.value.data === 'string')
    pieces[pieces.length - 1] = { ...last, value: text(last.value.data + added) }
  else pieces.push({ kind: 'literal', at, value: text(added) })
}

function readIf(
  stream: { parts: readonly Part[]; index: number },
  start: Extract<Directive, { kind: 'if' }>,
): Expression {
  const { at } = start
  const yes: Expression = { kind: 'template', at, parts: assemble(stream, ['else', 'endif']) }
  const divided = stream.parts[stream.index]!.kind === 'else'
  if (divided) stream.index += 1
  const no: Expression = { kind: 'template', at, parts: divided ? assemble(stream, ['endif']) : [] }
  stream.index += 1
  return { kind: 'conditional', at, condition: start.condition, yes, no }
}

function readFor(
  stream: { parts: readonly Part[]; index: number },
  start: Extract<Directive, { kind: 'for' }>,
): Expression {
  const { at, of, valueName, keyName } = start
  const value: Expression = { kind: 'template', at, parts: assemble(stream, ['endfor']) }
  stream.index += 1
  const loop = { kind: 'for', at, valueName, of, value, group: false } as const
  return { kind: 'join', at, of: keyName === undefined ? loop : { ...loop, keyName } }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

// Up to the next sequence or the quote
function quotedText(cursor: Cursor): string {
  const { source } = cursor
  let result = ''
  for (;;) {
    const char = source[cursor.offset]
    if (char === undefined || char === '"' || char === '\n') return result
    if (isSequence(cursor)) return result
    if (char === '\\') result += escape(cursor)
    else result += plainChar(cursor)
  }
}

function escape(cursor: Cursor): string {
  const kind = cursor.source[cursor.offset + 1] ?? ''
  const simple = ESCAPES[kind]
  if (simple !== undefined) {
    cursor.offset += 2
    return simple
  }
  const size = kind === 'u' ? 4 : kind === 'U' ? 8 : 0
  const digits = cursor.source.slice(cursor.offset + 2, cursor.offset + 2 + size)
  const code = Number.parseInt(digits, 16)
  const isHalf = code >= 0xd800 && code <= 0xdfff // of a surrogate pair
  if (size === 0 || !/^[0-9a-fA-F]+$/.test(digits) || digits.length !== size || code > 0x10ffff || isHalf)
    throw failure(
      cursor,
      `\\${kind} is no escape`,
      'Write \\\\ for a backslash; the others are \\n, \\r, \\t, \\", \\uNNNN and \\UNNNNNNNN',
    )
  cursor.offset += 2 + size
  return String.fromCodePoint(code)
}

// A line at most: what trims blank space looks at one line of a heredoc
function plainText(cursor: Cursor): string {
  let result = ''
  while (cursor.offset < cursor.source.length && !isSequence(cursor)) {
    const char = plainChar(cursor)
    result += char
    if (char === '\n') break
  }
  return result
}

function plainChar(cursor: Cursor): string {
  const { source, offset } = cursor
  if (source.startsWith('$${', offset) || source.startsWith('%%{', offset)) {
    cursor.offset += 3
    return `${source[offset]}{`
  }
  const char = String.fromCodePoint(source.codePointAt(offset)!)
  cursor.offset += char.length
  return char
}

function isSequence(cursor: Cursor): boolean {
  return sees(cursor, '${') || sees(cursor, '%{')
}

function unindent(parts: readonly Part[]): void {
  let least = Number.POSITIVE_INFINITY
  let start = true
  const adjusted: Extract<Part, { kind: 'text' }>[] = []
  for (const part of parts) {
    if (start && part.kind !== 'end') {
      start = false
      if (part.kind !== 'text') least = 0
      else if (part.text.trimStart() !== '' || !part.text.endsWith('\n')) {
        least = Math.min(least, part.text.length - part.text.trimStart().length)
        adjusted.push(part)
      }
    }
    if (part.kind === 'text' && part.text.endsWith('\n')) start = true
  }
  for (const part of adjusted) part.text = part.text.slice(least)
}
