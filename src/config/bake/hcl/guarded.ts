import type { Place } from './ast.ts'
import { BudgetError } from './budget.ts'
import { ConvertError } from './convert.ts'
import { HclError } from './error.ts'
import { FunctionError } from './function.ts'
import { NumberError } from './number.ts'

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
