import { suggestionHint } from '../../../did-you-mean.ts'
import type { Expression, ForExpression, Place } from './ast.ts'
import { BudgetError, spendCharacters, spendItems, spendStep } from './budget.ts'
import { ConvertError, convert, toStringValue, unify } from './convert.ts'
import { HclError } from './error.ts'
import { FunctionError, prepare } from './function.ts'
import { NumberError } from './number.ts'
import { attributeOf, indexOf } from './look-up.ts'
import { binary, unary } from './operators.ts'
import { type Scope, type UserFunction, within } from './scope.ts'
import { readType } from './type-expression.ts'
import { BOOL, STRING } from './types.ts'
import {
  bool,
  entriesOf,
  int,
  isMapping,
  isSequence,
  itemsOf,
  list,
  NULL,
  object,
  text,
  tuple,
  type Value,
} from './value.ts'

const MAX_DEPTH = 500

/** The value of an expression, or an error at the place that has none. */
export function evaluate(expression: Expression, scope: Scope): Value {
  return guarded(expression.at, () => {
    spendStep(scope.root.world.budget)
    if (scope.depth > MAX_DEPTH) throw new BudgetError('evaluation goes too deep')
    return valueOf(expression, { ...scope, depth: scope.depth + 1 })
  })
}

/** Errors without a place get this one. */
export function guarded<T>(at: Place, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (
      error instanceof ConvertError ||
      error instanceof NumberError ||
      error instanceof BudgetError ||
      error instanceof FunctionError
    )
      throw new HclError(error.message, at)
    throw error
  }
}

function valueOf(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'literal':
      return expression.value
    case 'template':
      return joined(
        expression.parts.map((part) => [part.at, evaluate(part, scope)]),
        scope,
      )
    case 'wrap':
    case 'parens':
      return evaluate(expression.inner, scope)
    case 'join':
      return joined(
        itemsOf(evaluate(expression.of, scope)).map((item) => [expression.at, item]),
        scope,
      )
    case 'variable':
      return variable(expression.name, expression.at, scope)
    case 'item':
      return scope.item ?? NULL
    case 'attribute':
      return attribute(expression, scope)
    case 'index':
      return indexOf(evaluate(expression.of, scope), evaluate(expression.key, scope), expression.at)
    case 'splat':
      return splat(expression, scope)
    case 'call':
      return call(expression, scope)
    case 'conditional':
      return conditional(expression, scope)
    case 'for':
      return loop(expression, scope)
    case 'tuple':
      spendItems(scope.root.world.budget, expression.items.length)
      return tuple(expression.items.map((item) => evaluate(item, scope)))
    case 'object':
      return objectOf(expression, scope)
    case 'binary':
      return binary(expression, evaluate(expression.left, scope), evaluate(expression.right, scope))
    case 'unary':
      return unary(expression, evaluate(expression.of, scope))
  }
}

function joined(parts: readonly (readonly [Place, Value])[], { root }: Scope): Value {
  const texts = parts.map(([at, part]) => {
    if (part.data === null) throw new HclError('null cannot be part of a text', at)
    try {
      return toStringValue(part).data as string
    } catch (error) {
      if (error instanceof ConvertError) throw new HclError(`this cannot be part of a text: ${error.message}`, at)
      throw error
    }
  })
  spendCharacters(
    root.world.budget,
    texts.reduce((sum, each) => sum + each.length, 0),
  )
  return text(texts.join(''))
}

function variable(name: string, at: Place, { own, root }: Scope): Value {
  const found = own.get(name) ?? root.variable(name, at)
  if (found) return found
  const known = [...own.keys(), ...root.names().variables]
  throw new HclError(`there is no variable "${name}"`, at, suggestionHint(name, known))
}

// target.NAME and target.NAME.attribute are evaluated only as far as they are asked for
function attribute(expression: Extract<Expression, { kind: 'attribute' }>, scope: Scope): Value {
  const { of, name, at } = expression
  if (of.kind === 'variable' && !scope.own.has(of.name)) {
    const block = scope.root.member(of.name, name, undefined, at)
    if (block) return block
  }
  if (of.kind === 'attribute' && of.of.kind === 'variable' && !scope.own.has(of.of.name)) {
    const found = scope.root.member(of.of.name, of.name, name, at)
    if (found) return found
  }
  return attributeOf(evaluate(of, scope), name, at)
}

function splat({ of, each, at }: Extract<Expression, { kind: 'splat' }>, scope: Scope): Value {
  const source = evaluate(of, scope)
  if (source.data === null) {
    if (isSequence(source)) throw new HclError('a splat cannot look into null', at)
    return tuple([])
  }
  const items = isSequence(source) ? itemsOf(source) : [source]
  spendItems(scope.root.world.budget, items.length)
  const found = items.map((item) => evaluate(each, { ...scope, item }))
  const [first] = found
  if (source.type.kind === 'list' || source.type.kind === 'set') return list(first?.type ?? source.type.element, found)
  return tuple(found)
}

function conditional({ condition, yes, no, at }: Extract<Expression, { kind: 'conditional' }>, scope: Scope): Value {
  const decided = evaluate(condition, scope)
  if (decided.data === null) throw new HclError('the condition is null', condition.at)
  const chosen = guarded(condition.at, () => convert(decided, BOOL))
  const values = [evaluate(yes, scope), evaluate(no, scope)]
  const type = unify(values.map((value) => value.type))
  if (!type) throw new HclError('the two results of a conditional must be of one type', at)
  return convert(values[chosen.data ? 0 : 1]!, type)
}

function elements(of: Expression, scope: Scope): (readonly [Value, Value])[] {
  const source = evaluate(of, scope)
  if (source.data === null) throw new HclError('a for expression cannot go over null', of.at)
  if (isMapping(source)) return [...entriesOf(source)].map(([key, value]) => [text(key), value])
  if (source.type.kind === 'set') return itemsOf(source).map((value) => [value, value])
  if (isSequence(source)) return itemsOf(source).map((value, at) => [int(at), value])
  throw new HclError(`a for expression cannot go over a ${source.type.kind}`, of.at)
}

function loop(expression: ForExpression, scope: Scope): Value {
  const { keyName, valueName, key, value, condition, group } = expression
  const found: Value[] = []
  const entries = new Map<string, Value[]>()
  for (const [name, item] of elements(expression.of, scope)) {
    const inner = within(scope, [...(keyName === undefined ? [] : [[keyName, name] as const]), [valueName, item]])
    if (condition) {
      const decided = evaluate(condition, inner)
      if (decided.data === null) throw new HclError('the condition is null', condition.at)
      if (!guarded(condition.at, () => convert(decided, BOOL)).data) continue
    }
    spendItems(scope.root.world.budget, 1)
    if (!key) {
      found.push(evaluate(value, inner))
      continue
    }
    const named = evaluate(key, inner)
    if (named.data === null) throw new HclError('the key of an object is null', key.at)
    const name2 = guarded(key.at, () => convert(named, STRING)).data as string
    const before = entries.get(name2)
    if (before && !group)
      throw new HclError(
        `the key "${name2}" appears twice`,
        key.at,
        'Put "..." after the value to collect them in a tuple',
      )
    entries.set(name2, [...(before ?? []), evaluate(value, inner)])
  }
  if (!key) return tuple(found)
  return object([...entries].map(([name, values]) => [name, group ? tuple(values) : values[0]!] as const))
}

function objectOf({ items }: Extract<Expression, { kind: 'object' }>, scope: Scope): Value {
  spendItems(scope.root.world.budget, items.length)
  return object(
    items.map(({ key, value }) => {
      const named = evaluate(key, scope)
      if (named.data === null) throw new HclError('the key of an object is null', key.at)
      return [guarded(key.at, () => convert(named, STRING)).data as string, evaluate(value, scope)] as const
    }),
  )
}

function call(expression: Extract<Expression, { kind: 'call' }>, scope: Scope): Value {
  const { name, at } = expression
  const { root } = scope
  if (name === 'try' || name === 'can') return attempt(expression, scope)
  if (name === 'convert') return converted(expression, scope)
  const own = root.library(name) ? undefined : root.userFunction(name, at)
  const library = root.library(name)
  if (!own && !library)
    throw new HclError(`there is no function "${name}"`, at, suggestionHint(name, root.names().functions))
  const given = argumentsOf(expression, scope)
  if (own) return callOwn(name, own, given, at, scope)
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

function argumentsOf({ arguments: given, expand, at }: Extract<Expression, { kind: 'call' }>, scope: Scope): Value[] {
  const values = given.map((argument) => evaluate(argument, scope))
  if (!expand) return values
  const last = values.pop()
  if (!last || !isSequence(last) || last.data === null)
    throw new HclError('only a list, a set or a tuple can be followed by "..."', given.at(-1)?.at ?? at)
  return [...values, ...itemsOf(last)]
}

function callOwn(name: string, own: UserFunction, given: readonly Value[], at: Place, scope: Scope): Value {
  const { parameters, rest, result } = own
  if (scope.root.running.has(name)) throw new HclError(`the function "${name}" calls itself`, at)
  const missing = parameters[given.length]
  if (missing !== undefined) throw new HclError(`${name}: the argument "${missing}" is missing`, at)
  if (given.length > parameters.length && rest === undefined)
    throw new HclError(`${name}: ${given.length} arguments are given, it takes ${parameters.length}`, at)
  const names = parameters.map((parameter, index) => [parameter, given[index]!] as const)
  const more = rest === undefined ? [] : [[rest, tuple(given.slice(parameters.length))] as const]
  const nothing = names.find(([, value]) => value.data === null)
  if (nothing) throw new HclError(`${name}: the argument "${nothing[0]}" must not be null`, at)
  scope.root.running.add(name)
  try {
    return evaluate(result, { root: scope.root, own: new Map([...names, ...more]), depth: scope.depth })
  } finally {
    scope.root.running.delete(name)
  }
}

function attempt({ name, arguments: given, at }: Extract<Expression, { kind: 'call' }>, scope: Scope): Value {
  if (name === 'can' && given.length !== 1) throw new HclError('can takes one expression', at)
  const reasons: string[] = []
  for (const argument of given) {
    const before = new Set(scope.root.running)
    try {
      const value = evaluate(argument, scope)
      return name === 'can' ? bool(true) : value
    } catch (error) {
      if (!(error instanceof HclError) || scope.root.world.budget.steps < 0) throw error
      for (const each of scope.root.running) if (!before.has(each)) scope.root.running.delete(each)
      reasons.push(error.message)
    }
  }
  if (name === 'can') return bool(false)
  throw new HclError(
    reasons.length === 0 ? 'try needs an expression' : `no expression of try has a value: ${reasons.join('; ')}`,
    at,
  )
}

function converted({ arguments: given, at }: Extract<Expression, { kind: 'call' }>, scope: Scope): Value {
  const [value, type] = given
  if (!value || !type || given.length !== 2) throw new HclError('convert takes a value and a type', at)
  return guarded(value.at, () => convert(evaluate(value, scope), readType(type)))
}
