import { suggestionHint } from '../../../did-you-mean.ts'
import type { Expression } from './ast.ts'
import { attempted } from './attempt.ts'
import { spendCharacters, spendItems } from './budget.ts'
import { ConvertError, convert } from './convert.ts'
import { CircleError, HclError } from './error.ts'
import { FunctionError, prepare } from './function.ts'
import { guarded } from './guarded.ts'
import { NumberError } from './number.ts'
import type { Evaluate, Scope, UserFunction } from './scope.ts'
import { readType } from './type-expression.ts'
import { bool, entriesOf, isMapping, isSequence, itemsOf, tuple, type Value } from './value.ts'

type Call = Extract<Expression, { kind: 'call' }>

/** What a call of a function gives; `try`, `can` and `convert` take expressions, not values. */
export function call(expression: Call, scope: Scope, evaluate: Evaluate): Value {
  const { name, at } = expression
  const { root } = scope
  if (name === 'try' || name === 'can') return attempt(expression, scope, evaluate)
  if (name === 'convert') return converted(expression, scope, evaluate)
  const own = root.library(name) ? undefined : root.userFunction(name, at)
  const library = root.library(name)
  if (!own && !library)
    throw new HclError(`there is no function "${name}"`, at, suggestionHint(name, root.names().functions))
  const given = argumentsOf(expression, scope, evaluate)
  if (own) return callOwn(expression, own, given, scope, evaluate)
  try {
    const result = library!.run(prepare(library!, given), root.world)
    spend(result, root.world.budget)
    return result
  } catch (error) {
    if (error instanceof FunctionError || error instanceof ConvertError || error instanceof NumberError)
      throw new HclError(`${name}: ${error.message}`, at)
    throw error
  }
}

function spend(result: Value, budget: Scope['root']['world']['budget']): void {
  if (typeof result.data === 'string') spendCharacters(budget, result.data.length)
  if (isSequence(result)) spendItems(budget, itemsOf(result).length)
  if (isMapping(result)) spendItems(budget, entriesOf(result).size)
}

function argumentsOf({ arguments: given, expand, at }: Call, scope: Scope, evaluate: Evaluate): Value[] {
  const values = given.map((argument) => evaluate(argument, scope))
  if (!expand) return values
  const last = values.pop()
  if (!last || !isSequence(last) || last.data === null)
    throw new HclError('only a list, a set or a tuple can be followed by "..."', given.at(-1)?.at ?? at)
  return [...values, ...itemsOf(last)]
}

function callOwn(
  { name, at }: Call,
  own: UserFunction,
  given: readonly Value[],
  scope: Scope,
  evaluate: Evaluate,
): Value {
  const { parameters, rest, result } = own
  if (scope.root.running.has(name)) throw new CircleError(`the function "${name}" calls itself`, at)
  const missing = parameters[given.length]
  if (missing !== undefined) throw new HclError(`${name}: the argument "${missing}" is missing`, at)
  if (given.length > parameters.length && rest === undefined)
    throw new HclError(`${name}: ${given.length} arguments are given, it takes ${parameters.length}`, at)
  const names = parameters.map((parameter, index) => [parameter, given[index]!] as const)
  const more = rest === undefined ? [] : [[rest, tuple(given.slice(parameters.length))] as const]
  const nothing = given.findIndex(({ data }) => data === null)
  if (nothing >= 0)
    throw new HclError(`${name}: the argument "${parameters[nothing] ?? rest ?? ''}" must not be null`, at)
  scope.root.running.add(name)
  try {
    return evaluate(result, { root: scope.root, own: new Map([...names, ...more]), depth: scope.depth })
  } finally {
    scope.root.running.delete(name)
  }
}

function attempt(expression: Call, scope: Scope, evaluate: Evaluate): Value {
  const { name, at } = expression
  const given = expression.expand ? expanded(expression, scope, evaluate) : expression.arguments
  if (name === 'can' && given.length !== 1) throw new HclError('can takes one expression', at)
  const reasons: string[] = []
  for (const argument of given) {
    const found = attempted(argument, scope, evaluate)
    if (!(found instanceof HclError)) return name === 'can' ? bool(true) : found
    reasons.push(found.message)
  }
  if (name === 'can') return bool(false)
  throw new HclError(
    reasons.length === 0 ? 'try needs an expression' : `no expression of try has a value: ${reasons.join('; ')}`,
    at,
  )
}

/** Arguments of which the last is a list: its elements are arguments, too. */
function expanded(expression: Call, scope: Scope, evaluate: Evaluate): readonly Expression[] {
  const values = argumentsOf({ ...expression, arguments: expression.arguments.slice(-1) }, scope, evaluate)
  const more = values.map((value): Expression => ({ kind: 'literal', at: expression.at, value }))
  return [...expression.arguments.slice(0, -1), ...more]
}

function converted({ arguments: given, at }: Call, scope: Scope, evaluate: Evaluate): Value {
  const [value, type] = given
  if (!value || !type || given.length !== 2) throw new HclError('convert takes a value and a type', at)
  return guarded(value.at, () => convert(evaluate(value, scope), readType(type)))
}
