import { describe, expect, test } from 'vitest'
import { makingCost, worthMaking, type Candidate } from '../../../src/emulation/packs/costs.ts'
import type { Recipe } from '../../../src/emulation/packs/recipe.ts'
import { readRecipes } from '../../../src/emulation/packs/recipes.ts'

const recipe = (name: string, making: number, common: Record<string, number> = {}) =>
  ({ name, making, common }) as unknown as Recipe
const candidate = (name: string, gain: number, making: number, common?: Record<string, number>): Candidate => ({
  recipe: recipe(name, making, common),
  gain,
})
const NONE = new Set<string>()

function chosen(candidates: readonly Candidate[], read = NONE): [names: string[], gain: number] {
  const worth = worthMaking(candidates, read)
  return [worth.chosen.map(({ recipe }) => recipe.name), Math.round(1000 * worth.gain) / 1000]
}

test('what several packs are made of costs the first of them only', () => {
  const one = recipe('ld', 0.1, { binutils: 0.8, plugin: 0.5 })
  expect(makingCost(one, NONE)).toBeCloseTo(1.4)
  expect(makingCost(one, new Set(['binutils', 'cc1']))).toBeCloseTo(0.6)
  expect(makingCost(one, new Set(['binutils', 'plugin']))).toBeCloseTo(0.1)
  expect(makingCost({ name: 'unknown' } as Recipe, NONE)).toBe(2)
})

describe('packs that are worth their making', () => {
  const ld = candidate('ld', 0.6, 0.1, { binutils: 0.8, plugin: 0.5 })
  const ar = candidate('ar', 0.5, 0.1, { binutils: 0.8, plugin: 0.5 })
  const as = candidate('as', 2, 0.1, { binutils: 0.8 })

  test('are those whose own costs are paid back, when what they have in common is paid by all of them', () => {
    expect(chosen([ld])).toEqual([[], 0])
    expect(chosen([ld, ar])).toEqual([[], 0])
    expect(chosen([as])).toEqual([['as'], 1.1])
    expect(chosen([as, ld])).toEqual([['as'], 1.1])
    expect(chosen([as, ld, ar])).toEqual([['as', 'ld', 'ar'], 1.5])
  })

  test('are more when a part is read already', () => {
    expect(chosen([ld], new Set(['binutils']))).toEqual([[], 0])
    expect(chosen([ld], new Set(['binutils', 'plugin']))).toEqual([['ld'], 0.5])
    expect(chosen([ld, ar], new Set(['binutils']))).toEqual([['ld', 'ar'], 0.4])
  })

  test('have none that costs more by itself than it saves', () => {
    expect(chosen([as, candidate('ranlib', 0.05, 0.1, { binutils: 0.8 })])).toEqual([['as'], 1.1])
    expect(chosen([candidate('make', 0.2, 0.2), candidate('dash', 1, 0.4)])).toEqual([['dash'], 0.6])
  })

  test('do not depend on what has no part in common with them', () => {
    const cc1 = candidate('cc1', 0.5, 0.2, { gcc: 0.9 })
    expect(chosen([cc1, as, ld, ar])).toEqual([['as', 'ld', 'ar'], 1.5])
  })
})

test('recipes with a part in common say the same cost of it', async () => {
  const costs = new Map<string, Set<number>>()
  for (const { common = {} } of await readRecipes())
    for (const [part, cost] of Object.entries(common)) costs.set(part, (costs.get(part) ?? new Set()).add(cost))
  expect([...costs.keys()].sort()).toEqual(['binutils', 'gcc-libraries', 'lto-plugin'])
  for (const [part, said] of costs) expect([...said], part).toHaveLength(1)
})
