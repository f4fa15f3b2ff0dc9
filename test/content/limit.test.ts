import { expect, test } from 'vitest'
import { createLimit } from '../../src/content/limit.ts'

/** Tasks that end when the test says so. */
function tasks(count: number, limit: ReturnType<typeof createLimit>) {
  const started: number[] = []
  const ends: ((error?: Error) => void)[] = []
  const results = Array.from({ length: count }, (_, i) =>
    limit(() => {
      started.push(i)
      return new Promise<number>((resolve, reject) => {
        ends[i] = (error) => (error ? reject(error) : resolve(i))
      })
    }),
  )
  return { started, ends, results }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('as many at a time as it says, in the order in which they came', async () => {
  const { started, ends, results } = tasks(5, createLimit(2))
  await settle()
  expect(started).toEqual([0, 1])
  ends[1]!()
  await settle()
  expect(started).toEqual([0, 1, 2])
  ends[0]!()
  ends[2]!()
  await settle()
  expect(started).toEqual([0, 1, 2, 3, 4])
  ends[3]!()
  ends[4]!()
  expect(await Promise.all(results)).toEqual([0, 1, 2, 3, 4])
})

test('a failure, also one that is thrown at once, frees its place', async () => {
  const limit = createLimit(1)
  await expect(
    limit(() => {
      throw new Error('at once')
    }),
  ).rejects.toThrow('at once')
  const { started, ends, results } = tasks(2, limit)
  await settle()
  ends[0]!(new Error('later'))
  await expect(results[0]).rejects.toThrow('later')
  await settle()
  expect(started).toEqual([0, 1])
  ends[1]!()
  expect(await results[1]).toBe(1)
})
