import { expect, test } from 'vitest'
import { slashPath } from '../../src/dockerfile/paths.ts'

test.each([
  ['C:\\a\\b', '/a/b'],
  ['c:/a', '/a'],
  ['\\a', '/a'],
  ['a\\b\\', 'a/b/'],
  ['c:b', 'b'],
  ['.', '.'],
  ['', ''],
])('the path %s of Windows is %s', (path, expected) => {
  expect(slashPath(path)).toBe(expected)
})

test.each([
  ['D:\\a', 'it is not on the system drive C:'],
  ['ab:c', 'it is not on the system drive C:'],
  ['C:', 'it is a drive without a path'],
  ['\\\\server\\share', 'it is on another machine'],
  ['//server/share', 'it is on another machine'],
])('the path %s of Windows is refused: %s', (path, state) => {
  expect(() => slashPath(path)).toThrow(
    expect.objectContaining({ code: 'BAD_DOCKERFILE', message: `Cannot use path "${path}": ${state}` }),
  )
})
