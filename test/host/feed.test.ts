import { expect, test } from 'vitest'
import { feed } from '../../src/host/feed.ts'

const open = () => ({ signal: new AbortController().signal })

async function* bytes(count: number) {
  for (let sent = 0; sent < count; sent += 65_536) yield Buffer.alloc(Math.min(65_536, count - sent))
}

test('the program gets everything', async () => {
  await expect(
    feed('sh', ['-c', 'test "$(wc -c)" = 1000000'], { input: bytes(1_000_000), ...open() }),
  ).resolves.toBeUndefined()
})

test('a program that fails is an error with its words, even when it does not read to the end', async () => {
  const work = feed('sh', ['-c', 'echo no such luck >&2; exit 3'], { input: bytes(10_000_000), ...open() })
  await expect(work).rejects.toMatchObject({
    code: 'HOST',
    message: 'Cannot run "sh": exit status 3',
    output: ['no such luck'],
  })
})

test('a program that is not there is an error', async () => {
  await expect(feed('/no/such/program', [], { input: bytes(100), ...open() })).rejects.toMatchObject({ code: 'HOST' })
})

test('an abort ends a program that reads nothing', async () => {
  const stop = new AbortController()
  async function* endless() {
    for (let sent = 0; ; sent += 1) {
      if (sent === 2) setImmediate(() => stop.abort())
      yield Buffer.alloc(65_536)
    }
  }
  await expect(feed('sleep', ['60'], { input: endless(), signal: stop.signal })).rejects.toMatchObject({
    name: 'AbortError',
  })
})
