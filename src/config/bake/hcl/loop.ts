import type { Expression, ForExpression } from './ast.ts'
import { spendItems } from './budget.ts'
import { convert } from './convert.ts'
import { HclError } from './error.ts'
import { guarded } from './guarded.ts'
import { type Evaluate, type Scope, within } from './scope.ts'
import { BOOL, STRING } from './types.ts'
import { entriesOf, int, isMapping, isSequence, itemsOf, object, text, tuple, type Value } from './value.ts'

/** The value of a for expression. */
export function loop(expression: ForExpression, scope: Scope, evaluate: Evaluate): Value {
  const { keyName, valueName, key, value, condition, group } = expression
  const found: Value[] = []
  const entries = new Map<string, Value[]>()
  for (const [name, item] of elements(expression.of, scope, evaluate)) {
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

function elements(of: Expression, scope: Scope, evaluate: Evaluate): (readonly [Value, Value])[] {
  const source = evaluate(of, scope)
  if (source.data === null) throw new HclError('a for expression needs a list or a map, and this is null', of.at)
  if (isMapping(source)) return [...entriesOf(source)].map(([key, value]) => [text(key), value])
  if (source.type.kind === 'set') return itemsOf(source).map((value) => [value, value])
  if (isSequence(source)) return itemsOf(source).map((value, at) => [int(at), value])
  throw new HclError(`a for expression cannot go over a ${source.type.kind}`, of.at)
}
