import { compact } from '../../../compact.ts'
import type { Expression, ForExpression, ObjectItem } from './ast.ts'
import {
  type Cursor,
  expect,
  failure,
  here,
  next,
  sees,
  seesName,
  skip,
  skipLines,
  take,
  takeName,
  withNewlines,
} from './cursor.ts'
import type { ReadExpression } from './template.ts'
import { NULL } from './value.ts'

/** A list in brackets, or a for expression that makes one. */
export function readTuple(cursor: Cursor, read: ReadExpression): Expression {
  const at = here(cursor)
  cursor.offset += 1
  return withNewlines(cursor, false, () => {
    skip(cursor)
    if (seesName(cursor, 'for')) return readFor(cursor, ']', read)
    const items: Expression[] = []
    while (!take(cursor, ']')) {
      items.push(read(cursor))
      skip(cursor)
      if (!take(cursor, ',') && !sees(cursor, ']'))
        throw failure(cursor, `a "," or "]" is expected, not ${next(cursor)}`)
      skip(cursor)
    }
    return { kind: 'tuple', at, items }
  })
}

/** An object in braces, or a for expression that makes one. */
export function readObject(cursor: Cursor, read: ReadExpression): Expression {
  const at = here(cursor)
  cursor.offset += 1
  skipLines(cursor)
  if (seesName(cursor, 'for')) return withNewlines(cursor, false, () => readFor(cursor, '}', read))
  return withNewlines(cursor, true, () => {
    const items: ObjectItem[] = []
    while (!take(cursor, '}')) {
      const key = read(cursor)
      skip(cursor)
      if (sees(cursor, '=>') || (!take(cursor, '=') && !take(cursor, ':')))
        throw failure(cursor, `a "=" or ":" is expected after the key, not ${next(cursor)}`)
      skip(cursor)
      items.push({ key: keyOf(cursor, key), value: read(cursor) })
      skip(cursor)
      if (!take(cursor, ',') && !sees(cursor, '\n') && !sees(cursor, '}'))
        throw failure(cursor, `a ",", a new line or "}" is expected, not ${next(cursor)}`)
      skipLines(cursor)
    }
    return { kind: 'object', at, items }
  })
}

function keyOf(cursor: Cursor, key: Expression): Expression {
  if (key.kind === 'variable')
    return {
      kind: 'template',
      at: key.at,
      parts: [{ kind: 'literal', at: key.at, value: { type: { kind: 'string' }, data: key.name } }],
    }
  if (key.kind === 'literal' && (typeof key.value.data === 'boolean' || key.value === NULL))
    return { ...key, value: { type: { kind: 'string' }, data: String(key.value.data) } }
  if (key.kind === 'attribute')
    throw failure(
      cursor,
      'a key with a "." can be read in two ways',
      'Put it in quotes, or in parentheses when it is an expression',
    )
  return key
}

function readFor(cursor: Cursor, close: ']' | '}', read: ReadExpression): ForExpression {
  const at = here(cursor)
  takeName(cursor)
  skip(cursor)
  const names = [nameOf(cursor)]
  skip(cursor)
  if (take(cursor, ',')) {
    skip(cursor)
    names.push(nameOf(cursor))
    skip(cursor)
  }
  if (takeName(cursor) !== 'in') throw failure(cursor, 'the word "in" is expected after the names of a for expression')
  const of = read(cursor)
  skip(cursor)
  expect(cursor, ':', 'the ":" of a for expression')
  const first = read(cursor)
  skip(cursor)
  const keyed = close === '}'
  if (keyed) expect(cursor, '=>', 'the "=>" of a for expression that makes an object')
  const value = keyed ? read(cursor) : first
  skip(cursor)
  const group = keyed && take(cursor, '...')
  skip(cursor)
  const conditional = seesName(cursor, 'if') && takeName(cursor) !== undefined
  const condition = conditional ? read(cursor) : undefined
  skip(cursor)
  expect(cursor, close, `the "${close}" of a for expression`)
  const [a = '', b] = names
  return {
    kind: 'for',
    at,
    ...(b === undefined ? { valueName: a } : { keyName: a, valueName: b }),
    of,
    ...(keyed ? { key: first } : {}),
    value,
    ...compact({ condition }),
    group,
  }
}

function nameOf(cursor: Cursor): string {
  const name = takeName(cursor)
  if (name === undefined) throw failure(cursor, `a name is expected after "for", not ${next(cursor)}`)
  return name
}
