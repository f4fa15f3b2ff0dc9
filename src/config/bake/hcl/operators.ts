import type { Expression } from './ast.ts'
import { convert, ConvertError } from './convert.ts'
import { HclError } from './error.ts'
import { add, compare, divide, modulo, multiply, negate, type Num } from './number.ts'
import { BOOL, NUMBER, type Type } from './types.ts'
import { bool, number, sameValue, type Value } from './value.ts'

type Binary = Extract<Expression, { kind: 'binary' }>

/** The value of `left operator right`. */
export function binary({ operator, left, right }: Binary, a: Value, b: Value): Value {
  if (operator === '==') return bool(sameValue(a, b))
  if (operator === '!=') return bool(!sameValue(a, b))
  if (operator === '&&' || operator === '||') {
    const [x, y] = [operand(a, BOOL, left) as boolean, operand(b, BOOL, right) as boolean]
    return bool(operator === '&&' ? x && y : x || y)
  }
  const [x, y] = [operand(a, NUMBER, left) as Num, operand(b, NUMBER, right) as Num]
  switch (operator) {
    case '+':
      return number(add(x, y))
    case '-':
      return number(add(x, negate(y)))
    case '*':
      return number(multiply(x, y))
    case '/':
      return number(divide(x, y))
    case '%':
      return number(modulo(x, y))
    case '<':
      return bool(compare(x, y) < 0)
    case '>':
      return bool(compare(x, y) > 0)
    case '<=':
      return bool(compare(x, y) <= 0)
    case '>=':
      return bool(compare(x, y) >= 0)
  }
}

/** The value of `-of` or `!of`. */
export function unary({ operator, of }: Extract<Expression, { kind: 'unary' }>, value: Value): Value {
  if (operator === '!') return bool(!operand(value, BOOL, of))
  return number(negate(operand(value, NUMBER, of) as Num))
}

function operand(value: Value, type: Type, { at }: Expression): unknown {
  if (value.data === null) throw new HclError(`a ${type.kind} is required here, and this is null`, at)
  try {
    return convert(value, type).data
  } catch (error) {
    if (error instanceof ConvertError) throw new HclError(`${error.message}, but this is a ${value.type.kind}`, at)
    throw error
  }
}
