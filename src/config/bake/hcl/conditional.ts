import type { Expression } from './ast.ts'
import { attempted } from './attempt.ts'
import { convert, unify } from './convert.ts'
import { HclError } from './error.ts'
import { guarded } from './guarded.ts'
import type { Evaluate, Scope } from './scope.ts'
import { ANY, BOOL, NUMBER, STRING, type Type } from './types.ts'
import type { Value } from './value.ts'

type Conditional = Extract<Expression, { kind: 'conditional' }>

const ARITHMETIC = new Set(['+', '-', '*', '/', '%'])

/** The result that the condition chooses. The other one needs no value, but its type must fit as far as it is known. */
export function conditional({ condition, yes, no, at }: Conditional, scope: Scope, evaluate: Evaluate): Value {
  const decided = evaluate(condition, scope)
  if (decided.data === null) throw new HclError('the condition is null', condition.at)
  const isYes = guarded(condition.at, () => convert(decided, BOOL)).data as boolean
  const chosen = evaluate(isYes ? yes : no, scope)
  const type = unify([chosen.type, typeOf(isYes ? no : yes, scope, evaluate)])
  if (!type) throw new HclError('the two results of a conditional must be of one type', at)
  return convert(chosen, type)
}

function typeOf(expression: Expression, scope: Scope, evaluate: Evaluate): Type {
  const found = attempted(expression, scope, evaluate)
  return found instanceof HclError ? typeWithoutValue(expression, scope, evaluate) : found.type
}

// What can be said of an expression that has no value
function typeWithoutValue(expression: Expression, scope: Scope, evaluate: Evaluate): Type {
  switch (expression.kind) {
    case 'template':
      return STRING
    case 'parens':
      return typeWithoutValue(expression.inner, scope, evaluate)
    case 'tuple':
      return { kind: 'tuple', elements: expression.items.map((item) => typeOf(item, scope, evaluate)) }
    case 'binary':
      return ARITHMETIC.has(expression.operator) ? NUMBER : BOOL
    case 'unary':
      return expression.operator === '-' ? NUMBER : BOOL
    default:
      return ANY
  }
}
