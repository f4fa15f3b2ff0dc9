import { expect, test } from 'vitest'
import type { XbuildError } from '../../src/errors.ts'
import { runProgram } from '../../src/host/spawn.ts'

test('a program that prints without end is ended', async () => {
  const error = await runProgram('yes', [], { most: 1 << 20 }).catch((thrown: unknown) => thrown as XbuildError)
  expect(error).toMatchObject({
    code: 'HOST',
    message: 'Cannot take what "yes" prints: it is more than 1048576 bytes',
    facts: { limit: 'output' },
  })
  expect(await runProgram('echo', ['few'], { most: 4 })).toBe('few\n')
})
