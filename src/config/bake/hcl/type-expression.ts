import type { Expression } from './ast.ts'
import { HclError } from './error.ts'
import { ANY, BOOL, NUMBER, STRING, type Type } from './types.ts'

const WORDS: Readonly<Record<string, Type>> = { string: STRING, number: NUMBER, bool: BOOL, any: ANY }

/** An expression as a type constraint, like `list(string)` or `object({ name = string })`. */
export function readType(expression: Expression, depth = 0): Type {
  if (depth > 50) throw new HclError('this type is nested too deep', expression.at)
  if (expression.kind === 'parens') return readType(expression.inner, depth + 1)
  if (expression.kind === 'variable') {
    const type = Object.hasOwn(WORDS, expression.name) ? WORDS[expression.name] : undefined
    if (type) return type
    if (['list', 'set', 'map'].includes(expression.name))
      throw new HclError(
        `the type "${expression.name}" needs the type of its elements`,
        expression.at,
        `Write ${expression.name}(string), or ${expression.name}(any)`,
      )
    throw unknown(expression.name, expression)
  }
  if (expression.kind !== 'call')
    throw new HclError('a type is expected, such as string or list(string)', expression.at)
  const [argument] = expression.arguments
  if (!argument || expression.arguments.length !== 1)
    throw new HclError(`the type "${expression.name}" takes one argument`, expression.at)
  switch (expression.name) {
    case 'list':
    case 'set':
    case 'map':
      return { kind: expression.name, element: readType(argument, depth + 1) }
    case 'tuple':
      if (argument.kind !== 'tuple') throw new HclError('the types of a tuple are a list in brackets', argument.at)
      return { kind: 'tuple', elements: argument.items.map((item) => readType(item, depth + 1)) }
    case 'object':
      return readObject(argument, depth)
    default:
      throw unknown(expression.name, expression)
  }
}

function readObject(argument: Expression, depth: number): Type {
  if (argument.kind !== 'object') throw new HclError('the types of an object are pairs in braces', argument.at)
  const optional = new Set<string>()
  const attributes = new Map<string, Type>()
  for (const { key, value } of argument.items) {
    const name = nameOf(key)
    const limited = value.kind === 'call' && value.name === 'optional'
    if (limited) {
      if (value.arguments.length !== 1) throw new HclError('optional takes one type', value.at)
      optional.add(name)
    }
    attributes.set(name, readType(limited ? value.arguments[0]! : value, depth + 1))
  }
  return { kind: 'object', attributes, optional }
}

function nameOf(key: Expression): string {
  const only = key.kind === 'template' && key.parts.length === 1 ? key.parts[0] : key
  if (only?.kind === 'literal' && typeof only.value.data === 'string') return only.value.data
  throw new HclError('the name of an attribute is expected', key.at)
}

function unknown(name: string, { at }: Expression): HclError {
  return new HclError(
    `there is no type "${name}"`,
    at,
    'The types are string, number, bool, any, list(), set(), map(), tuple() and object()',
  )
}
