import { expect, test } from 'vitest'
import { createSharedWork } from '../../src/engine/shared-work.ts'

/** Work that ends when the test says so, or when it is stopped. */
function manual() {
  const starts: { readonly signal: AbortSignal; finish(value: string): void; fail(error: Error): void }[] = []
  const start = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      starts.push({ signal, finish: resolve, fail: reject })
    })
  return { starts, start }
}

test('equal work is done once, for those who wait and for those who come later', async () => {
  const share = createSharedWork<string>()
  const { starts, start } = manual()
  const { signal } = new AbortController()
  const both = [share('a', signal, start), share('a', signal, start)]
  starts[0]!.finish('done')
  expect(await Promise.all(both)).toEqual(['done', 'done'])
  expect(await share('a', signal, start)).toBe('done')
  expect(starts).toHaveLength(1)
})

test('a caller that gives up is let go, and the others get their result', async () => {
  const share = createSharedWork<string>()
  const { starts, start } = manual()
  const impatient = new AbortController()
  const first = share('a', impatient.signal, start)
  const second = share('a', new AbortController().signal, start)
  impatient.abort(new Error('too long'))
  await expect(first).rejects.toThrow('too long')
  expect(starts[0]!.signal.aborted).toBe(false)
  starts[0]!.finish('done')
  expect(await second).toBe('done')
})

test('when nobody wants it any more it is stopped, waited for, and started anew by the next', async () => {
  const share = createSharedWork<string>()
  const { starts, start } = manual()
  const only = new AbortController()
  const first = share('a', only.signal, start)
  only.abort()
  expect(starts[0]!.signal.aborted).toBe(true)
  let settled = false
  void first.catch(() => (settled = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(settled).toBe(false)
  starts[0]!.fail(new Error('stopped'))
  await expect(first).rejects.toThrow('stopped')
  const next = share('a', new AbortController().signal, start)
  starts[1]!.finish('done')
  expect(await next).toBe('done')
})

test('what failed stays failed', async () => {
  const share = createSharedWork<string>()
  const { starts, start } = manual()
  const { signal } = new AbortController()
  const first = share('a', signal, start)
  starts[0]!.fail(new Error('broken'))
  await expect(first).rejects.toThrow('broken')
  await expect(share('a', signal, start)).rejects.toThrow('broken')
  expect(starts).toHaveLength(1)
})

test('a signal that is aborted already stops what only it asked for', async () => {
  const share = createSharedWork<string>()
  const { starts, start } = manual()
  const never = share('a', AbortSignal.abort(), start)
  expect(starts[0]!.signal.aborted).toBe(true)
  starts[0]!.fail(new Error('stopped'))
  await expect(never).rejects.toThrow('stopped')
})
