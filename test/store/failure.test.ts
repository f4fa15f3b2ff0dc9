import { expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { isFull, storeFailure } from '../../src/store/failure.ts'

test.each([
  ['ENOSPC', 'no space left on device', true],
  ['EDQUOT', 'the disk quota is used up', true],
  ['EROFS', 'the file system is read-only', false],
  ['EACCES', 'permission denied', false],
  ['EIO', 'the disk fails', false],
])('%s becomes a STORE error with a way out', (code, state, full) => {
  const cause = Object.assign(new Error('write'), { code, syscall: 'write' })
  const error = storeFailure('/s', cause) as XbuildError
  expect(error).toMatchObject({ code: 'STORE', message: `Cannot write into the store "/s": ${state}`, cause })
  expect(error.hint).toContain('XBUILD_HOME')
  expect(isFull(cause)).toBe(full)
})

test.each([
  ['an error of ours', new XbuildError('REGISTRY', 'x')],
  ['another error of the file system', Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open' })],
  ["an error that is no file system's", Object.assign(new Error('x'), { code: 'EACCES' })],
  ['a text', 'x'],
])('%s comes back as it is', (_name, error) => {
  expect(storeFailure('/s', error)).toBe(error)
})
