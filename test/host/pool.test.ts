import { expect, test } from 'vitest'
import { forEachLimited } from '../../src/host/pool.ts'

const open = () => new AbortController().signal

test('never more than the limit run at a time, and all run', async () => {
  let running = 0
  let most = 0
  const done: number[] = []
  await forEachLimited([1, 2, 3, 4, 5], { limit: 2, signal: open() }, async (item) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    done.push(item)
  })
  expect(most).toBe(2)
  expect(done.toSorted()).toEqual([1, 2, 3, 4, 5])
})

test('the first failure stops the others and is thrown when they have ended', async () => {
  const log: string[] = []
  const work = forEachLimited(['bad', 'slow', 'never'], { limit: 2, signal: open() }, async (item, signal) => {
    if (item === 'bad') throw new Error('first')
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    await new Promise((resolve) => setImmediate(resolve))
    log.push(`${item} ended`)
  })
  await expect(work).rejects.toThrow('first')
  expect(log).toEqual(['slow ended'])
})

test('an aborted signal starts nothing', async () => {
  const started: number[] = []
  const work = forEachLimited([1], { limit: 1, signal: AbortSignal.abort() }, async (item) => void started.push(item))
  await expect(work).rejects.toMatchObject({ name: 'AbortError' })
  expect(started).toEqual([])
})
