import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchSilence } from '../../src/nodes/silence.ts'
import { parsePlatform } from '../../src/platform.ts'

const AMD64 = parsePlatform('linux/amd64')
const ARM64 = parsePlatform('linux/arm64')

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Watches, lets these machines answer, and waits for longer than the patience with silent ones. */
async function enough(natives: readonly (typeof AMD64)[][], { alike = true, wanted = [AMD64] } = {}) {
  const silence = watchSilence({ wanted, alike, warn: () => undefined })
  for (const native of natives) silence.opened({ native })
  await vi.advanceTimersByTimeAsync(7000)
  expect(silence.enough.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(2000)
  return silence
}

test('silent nodes are given up when others run every platform natively, and no sooner', async () => {
  expect((await enough([[AMD64]])).enough.aborted).toBe(true)
  expect((await enough([[AMD64], [ARM64]], { wanted: [AMD64, ARM64] })).enough.aborted).toBe(true)
})

test('they are waited for while a platform would be emulated, nobody answers, or an image names its own nodes', async () => {
  const silence = await enough([[AMD64]], { wanted: [AMD64, ARM64] })
  expect(silence.enough.aborted).toBe(false)
  silence.opened({ native: [ARM64] })
  expect(silence.enough.aborted).toBe(true)
  expect((await enough([], { wanted: [] })).enough.aborted).toBe(false)
  expect((await enough([[AMD64]], { alike: false })).enough.aborted).toBe(false)
})

test('only a node that takes long is told about', async () => {
  const said: string[] = []
  const silence = watchSilence({ wanted: [], alike: true, warn: (message) => said.push(message) })
  await silence.tell('quick', Promise.resolve())
  let answer = () => {}
  const slow = silence.tell('slow', new Promise<void>((resolve) => (answer = resolve)))
  await vi.advanceTimersByTimeAsync(60_000)
  answer()
  await slow
  expect(said).toEqual(['Waiting for slow: it has not answered for 5 s'])
  silence.close()
})
