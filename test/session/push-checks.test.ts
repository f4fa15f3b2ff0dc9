import { expect, test } from 'vitest'
import { parseReference } from '../../src/oci/reference.ts'
import { pushChecksOf } from '../../src/session/push-checks.ts'
import type { SessionRequest } from '../../src/session/types.ts'

/** Checks of images that are pushed to a repository each; what was asked, and the images whose push is refused. */
function checksOf(names: readonly string[], refused: readonly string[] = [], there: readonly string[] = []) {
  const asked: string[] = []
  const requests = names.map(
    (image) =>
      ({
        image,
        outputs: { outputs: [{ type: 'registry' }], tags: [parseReference(`a.example/${image}:1`)] },
      }) as object,
  ) as SessionRequest[]
  const ask = async ({ image }: SessionRequest) => {
    asked.push(image!)
    if (refused.includes(image!)) throw new Error(`no right to push ${image}`)
  }
  const checks = pushChecksOf(requests, ask, async ({ image }) => there.includes(image!))
  const requestOf = (name: string) => requests.find(({ image }) => image === name)!
  return { checks, asked, requestOf }
}

const NINE = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']

test('of few repositories all are asked before anything is built', async () => {
  const { checks, asked, requestOf } = checksOf(NINE.slice(1), ['c'])
  await checks.allowed(requestOf('b'))
  expect(asked).toEqual(NINE.slice(1))
  await expect(checks.allowed(requestOf('c'))).rejects.toThrow('no right to push c')
})

test('where the tag is there, a repository is asked only when something is built for it', async () => {
  const { checks, asked, requestOf } = checksOf(['a', 'b', 'c'], ['a', 'c'], ['a', 'b'])
  await expect(checks.allowed(requestOf('c'))).rejects.toThrow('no right to push c')
  for (const name of ['a', 'b']) await checks.allowed(requestOf(name))
  expect(asked).toEqual(['c'])
  await expect(checks.beforeWork(new Set(['a']))).rejects.toThrow('no right to push a')
  expect(asked).toEqual(['c', 'a'])
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
