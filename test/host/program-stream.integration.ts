import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { programStream } from '../../src/host/program-stream.ts'

const failure = (state: string) => new XbuildError('NODE', state)

test('a program that writes what nobody reads any more is ended, and the stream closes', async () => {
  const stream = programStream('yes', [], { failure })
  await once(stream, 'data')
  stream.pause()
  while (stream.readableLength < stream.readableHighWaterMark) await nextTurn()
  stream.destroy()
  await once(stream, 'close', { signal: AbortSignal.timeout(5000) })
  expect(stream.destroyed).toBe(true)
})
