import { expect, test } from 'vitest'
import { parseReference } from '../../src/oci/reference.ts'
import { pushChecksOf } from '../../src/session/push-checks.ts'
import type { SessionRequest } from '../../src/session/types.ts'

/** Checks of images that are pushed to a repository each; what was asked, and the images whose push is refused. */
function checksOf(names: readonly string[], refused: readonly string[] = []) {
  const asked: string[] = []
  const requests = names.map(
    (image) =>
      ({
        image,
        outputs: { outputs: [{ type: 'registry' }], tags: [parseReference(`a.example/${image}:1`)] },
      }) as object,
  ) as SessionRequest[]
  const checks = pushChecksOf(requests, async ({ image }) => {
    asked.push(image!)
    if (refused.includes(image!)) throw new Error(`no right to push ${image}`)
  })
  const requestOf = (name: string) => requests.find(({ image }) => image === name)!
  return { checks, asked, requestOf }
}

const NINE = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']

test('of few repositories all are asked before anything is built', async () => {
  const { checks, asked, requestOf } = checksOf(NINE.slice(1), ['c'])
  expect(asked).toEqual(NINE.slice(1))
  await checks.allowed(requestOf('b'))
  await expect(checks.allowed(requestOf('c'))).rejects.toThrow('no right to push c')
})

test('of many repositories none is asked for an image of which nothing is built', async () => {
  const { checks, asked, requestOf } = checksOf(NINE, ['a'])
  await checks.allowed(requestOf('a'))
  await checks.answered(requestOf('a'))
  expect(asked).toEqual([])
})

test('of many repositories those of an image are asked once, before the first step that is run for it', async () => {
  const { checks, asked, requestOf } = checksOf(NINE, ['c'])
  await checks.beforeWork(new Set(['a']))
  await checks.beforeWork(new Set(['a', 'c']))
  expect(asked).toEqual(['a', 'c'])
  await expect(checks.beforeWork(new Set(['c']))).rejects.toThrow('no right to push c')
  await checks.answered(requestOf('a'))
  await expect(checks.answered(requestOf('c'))).rejects.toThrow('no right to push c')
})
