import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { forMistyped } from '../../src/cli/mistyped.ts'
import { XbuildError } from '../../src/errors.ts'

const missing = new XbuildError('NOT_FOUND', 'Cannot read the Dockerfile "x": no such file', {
  hint: 'Name it with -f',
})
const hintOf = (error: unknown, context: string, cwd = tmpdir()) =>
  (forMistyped(error, { context, cwd }, ['build', 'history', 'plan']) as XbuildError).hint

test('a folder that is not there may have been meant as a command', () => {
  expect(hintOf(missing, 'histroy')).toBe('Did you mean xbuild history?')
  expect(hintOf(missing, 'services/api')).toBe('Name it with -f')
  expect(hintOf(missing, 'buid', '/')).toBe('Did you mean xbuild build?')
})

test('of a folder that is there, and of other errors, nothing is said', () => {
  expect(hintOf(missing, '.')).toBe('Name it with -f')
  expect(hintOf(new XbuildError('RUN_FAILED', 'Cannot run "make"'), 'histroy')).toBeUndefined()
})
