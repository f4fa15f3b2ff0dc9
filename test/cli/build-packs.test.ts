import { expect, test } from 'vitest'
import { everyMatch } from '../../src/cli/build-packs.ts'
import { readRecipes } from '../../src/emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../src/emulation/packs/targets.ts'

test('all packs are those that packages can have: none is of an image', async () => {
  const found = everyMatch(await readRecipes(), PACK_TARGETS['arm64']![0]!, { versions: () => [] })
  const names = found.map(({ recipe }) => recipe.name)
  expect(names).toContain('dash')
  expect(names.filter((name) => ['go-image', 'go-command'].includes(name))).toEqual([])
})
