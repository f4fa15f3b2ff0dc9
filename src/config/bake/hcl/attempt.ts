import type { Expression } from './ast.ts'
import { CircleError, HclError } from './error.ts'
import type { Evaluate, Scope } from './scope.ts'
import type { Value } from './value.ts'

/** The value of an expression that may have none, or why it has none. Circles and spent budgets are still thrown. */
export function attempted(expression: Expression, scope: Scope, evaluate: Evaluate): Value | HclError {
  const { running, world } = scope.root
  const before = new Set(running)
  try {
    return evaluate(expression, scope)
  } catch (error) {
    if (!(error instanceof HclError) || error instanceof CircleError || world.budget.steps < 0) throw error
    for (const each of running) if (!before.has(each)) running.delete(each)
    return error
  }
}
