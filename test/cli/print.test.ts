import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { print } from '../../src/cli/print.ts'

function broken(code: string): Writable {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) })
  return stream.on('error', () => {})
}

test('a reader that went away is no error, a full disk is', async () => {
  await expect(print(broken('EPIPE'), 'x')).resolves.toBeUndefined()
  await expect(print(broken('ENOSPC'), 'x')).rejects.toThrow('Cannot write output: ENOSPC')
})

test('nothing to say touches no stream', async () => {
  await expect(print(broken('ENOSPC'), '')).resolves.toBeUndefined()
})
