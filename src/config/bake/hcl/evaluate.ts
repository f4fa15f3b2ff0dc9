import { suggestionHint } from '../../../did-you-mean.ts'
import type { Expression, Place } from './ast.ts'
import { BudgetError, spendCharacters, spendItems, spendStep } from './budget.ts'
import { call } from './call.ts'
import { conditional } from './conditional.ts'
import { ConvertError, convert, toStringValue } from './convert.ts'
import { HclError } from './error.ts'
import { guarded } from './guarded.ts'
import { attributeOf, indexOf } from './look-up.ts'
import { loop } from './loop.ts'
import { binary, unary } from './operators.ts'
import type { Scope } from './scope.ts'
import { ANY, STRING, type Type } from './types.ts'
import { isSequence, itemsOf, list, NULL, object, text, tuple, type Value } from './value.ts'

const MAX_DEPTH = 500

/** The value of an expression, or an error at the place that has none. */
export function evaluate(expression: Expression, scope: Scope): Value {
  return guarded(expression.at, () => {
    spendStep(scope.root.world.budget)
    if (scope.depth > MAX_DEPTH) throw new BudgetError('evaluation goes too deep')
    return valueOf(expression, { ...scope, depth: scope.depth + 1 })
  })
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
      return call(expression, scope, evaluate)
    case 'conditional':
      return conditional(expression, scope, evaluate)
    case 'for':
      return loop(expression, scope, evaluate)
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
  throw new HclError(
    `there is no variable "${name}"`,
    at,
    suggestionHint(name, known, `Add variable "${name}" {}, or name the file that defines it with -f`),
  )
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
    if (isSequence(source)) throw new HclError('a splat needs a list or an object, and this is null', at)
    return tuple([])
  }
  const items = isSequence(source) ? itemsOf(source) : [source]
  spendItems(scope.root.world.budget, items.length)
  const found = items.map((item) => evaluate(each, { ...scope, item }))
  const [first] = found
  if (!first && (source.type.kind === 'list' || source.type.kind === 'set')) checkSteps(each, source.type.element)
  if (source.type.kind === 'list' || source.type.kind === 'set') return list(first?.type ?? source.type.element, found)
  return tuple(found)
}

// Of no elements, too, only those attributes are taken that elements of that type can have
function checkSteps(each: Expression, type: Type): Type {
  if (each.kind !== 'attribute' && each.kind !== 'index') return each.kind === 'item' ? type : ANY
  const of = checkSteps(each.of, type)
  if (each.kind === 'index' || of.kind === 'any') return ANY
  const found = of.kind === 'object' ? of.attributes.get(each.name) : of.kind === 'map' ? of.element : undefined
  if (!found) throw new HclError(`a ${of.kind} has no attribute "${each.name}"`, each.at)
  return found
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
