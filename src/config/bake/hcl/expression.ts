import type { BinaryOperator, Expression } from './ast.ts'
import { readObject, readTuple } from './collection.ts'
import {
  type Cursor,
  deeper,
  expect,
  failure,
  here,
  next,
  sees,
  skip,
  take,
  takeMatch,
  takeName,
  withNewlines,
} from './cursor.ts'
import { readHeredoc } from './heredoc.ts'
import { NumberError, parseNum } from './number.ts'
import { readTemplate } from './template.ts'
import { FALSE, NULL, number, TRUE } from './value.ts'

const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<=', '>=', '<', '>'],
  ['+', '-'],
  ['*', '/', '%'],
]

/** The expression that comes next. */
export function readExpression(cursor: Cursor): Expression {
  return deeper(cursor, () => {
    skip(cursor)
    const at = here(cursor)
    const condition = readBinary(cursor, 0)
    skip(cursor)
    if (!take(cursor, '?')) return condition
    const yes = readExpression(cursor)
    skip(cursor)
    expect(cursor, ':', 'the ":" of a conditional')
    const no = readExpression(cursor)
    return { kind: 'conditional', at, condition, yes, no }
  })
}

function readBinary(cursor: Cursor, level: number): Expression {
  const operators = LEVELS[level]
  if (!operators) return readUnary(cursor)
  let left = readBinary(cursor, level + 1)
  for (let count = 0; ; count++) {
    skip(cursor)
    const at = here(cursor)
    const operator = operators.find((each) => sees(cursor, each))
    if (operator === undefined) return left
    // A chain is a tree that leans to the left: its evaluation calls itself
    if (count > 1000) throw failure(cursor, 'this expression has more than 1000 operators in a row')
    cursor.offset += operator.length
    skip(cursor)
    left = { kind: 'binary', at, operator, left, right: readBinary(cursor, level + 1) }
  }
}

function readUnary(cursor: Cursor): Expression {
  return deeper(cursor, () => {
    skip(cursor)
    const at = here(cursor)
    if (take(cursor, '-')) return { kind: 'unary', at, operator: '-', of: readUnary(cursor) }
    if (sees(cursor, '!') && !sees(cursor, '!=')) {
      cursor.offset += 1
      return { kind: 'unary', at, operator: '!', of: readUnary(cursor) }
    }
    return readSteps(cursor, readTerm(cursor))
  })
}

function readSteps(cursor: Cursor, start: Expression): Expression {
  let found = start
  for (let count = 0; count < 1000; count++) {
    const step: Expression | undefined = readSplat(cursor, found) ?? readStep(cursor, found, true)
    if (!step) return found
    found = step
  }
  throw failure(cursor, 'this expression has more than 1000 steps')
}

function readSplat(cursor: Cursor, of: Expression): Expression | undefined {
  const at = here(cursor)
  if (sees(cursor, '.*')) {
    cursor.offset += 2
    return { kind: 'splat', at, of, each: splatSteps(cursor, false) }
  }
  if (!/^\[\s*\*\s*\]/.test(cursor.source.slice(cursor.offset, cursor.offset + 40))) return undefined
  takeMatch(cursor, /\[\s*\*\s*\]/)
  return { kind: 'splat', at, of, each: deeper(cursor, () => splatSteps(cursor, true)) }
}

// What follows "[*]" is done to each element, further splats too
function splatSteps(cursor: Cursor, brackets: boolean): Expression {
  let each: Expression = { kind: 'item', at: here(cursor) }
  for (;;) {
    const step: Expression | undefined =
      (brackets ? readSplat(cursor, each) : undefined) ?? readStep(cursor, each, brackets)
    if (!step) return each
    each = step
  }
}

function readStep(cursor: Cursor, of: Expression, brackets: boolean): Expression | undefined {
  const at = here(cursor)
  if (sees(cursor, '.') && !sees(cursor, '...') && !sees(cursor, '.*')) {
    cursor.offset += 1
    const name = takeName(cursor)
    if (name !== undefined) return { kind: 'attribute', at, of, name }
    const digits = takeMatch(cursor, /\d+/)
    if (digits === undefined)
      throw failure(cursor, `the name of an attribute is expected after ".", not ${next(cursor)}`)
    return { kind: 'index', at, of, key: { kind: 'literal', at, value: number(parseNum(digits)!) } }
  }
  if (!brackets || !sees(cursor, '[') || /^\[\s*\*\s*\]/.test(cursor.source.slice(cursor.offset, cursor.offset + 40)))
    return undefined
  cursor.offset += 1
  return withNewlines(cursor, false, () => {
    const key = readExpression(cursor)
    skip(cursor)
    expect(cursor, ']', 'the "]" of an index')
    return { kind: 'index', at, of, key }
  })
}

function readTerm(cursor: Cursor): Expression {
  const at = here(cursor)
  if (take(cursor, '(')) {
    return withNewlines(cursor, false, () => {
      const inner = readExpression(cursor)
      skip(cursor)
      expect(cursor, ')', 'a closing ")"')
      return { kind: 'parens', at, inner }
    })
  }
  if (take(cursor, '"')) {
    const template = readTemplate(cursor, 'quote', readExpression)
    expect(cursor, '"', 'a closing quote')
    return { ...template, at }
  }
  if (sees(cursor, '<<')) return readHeredoc(cursor, readExpression)
  if (sees(cursor, '[')) return readTuple(cursor, readExpression)
  if (sees(cursor, '{')) return readObject(cursor, readExpression)
  const digits = takeMatch(cursor, /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/)
  if (digits !== undefined) return { kind: 'literal', at, value: readNumber(cursor, digits) }
  const name = takeName(cursor)
  if (name === undefined) throw failure(cursor, `an expression is expected, not ${next(cursor)}`)
  if (sees(cursor, '(')) return readCall(cursor, name)
  if (name === 'true') return { kind: 'literal', at, value: TRUE }
  if (name === 'false') return { kind: 'literal', at, value: FALSE }
  if (name === 'null') return { kind: 'literal', at, value: NULL }
  return { kind: 'variable', at, name }
}

function readNumber(cursor: Cursor, digits: string) {
  try {
    return number(parseNum(digits)!)
  } catch (error) {
    if (error instanceof NumberError) throw failure(cursor, error.message)
    throw error
  }
}

function readCall(cursor: Cursor, name: string): Expression {
  const at = here(cursor)
  cursor.offset += 1
  return withNewlines(cursor, false, () => {
    const found: Expression[] = []
    let expand = false
    skip(cursor)
    while (!take(cursor, ')')) {
      if (expand) throw failure(cursor, `a closing ")" is expected after "...", not ${next(cursor)}`)
      found.push(readExpression(cursor))
      skip(cursor)
      expand = take(cursor, '...')
      skip(cursor)
      if (!take(cursor, ',') && !sees(cursor, ')'))
        throw failure(cursor, `a "," or ")" is expected, not ${next(cursor)}`)
      skip(cursor)
    }
    return { kind: 'call', at: { ...at, column: at.column - [...name].length }, name, arguments: found, expand }
  })
}
