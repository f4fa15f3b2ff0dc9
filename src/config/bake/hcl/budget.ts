/** What the evaluation of all files of a run may take: a hostile file ends with an error, not with the machine. */
export interface Budget {
  steps: number
  items: number
  characters: number
}

/** Something took more than any project needs; the evaluator adds the place. */
export class BudgetError extends Error {}

/** Limits that no real project comes near. */
export function createBudget(): Budget {
  return { steps: 1_000_000, items: 150_000, characters: 8_000_000 }
}

/** Takes one step of evaluation. */
export function spendStep(budget: Budget, count = 1): void {
  budget.steps -= count
  if (budget.steps < 0) throw new BudgetError('evaluation takes too many steps')
}

/** Takes elements of lists and maps that are made. */
export function spendItems(budget: Budget, count: number): void {
  budget.items -= count
  if (budget.items < 0) throw new BudgetError('evaluation makes too many elements')
}

/** Takes characters of texts that are made. */
export function spendCharacters(budget: Budget, count: number): void {
  budget.characters -= count
  if (budget.characters < 0) throw new BudgetError('evaluation makes too much text')
}
