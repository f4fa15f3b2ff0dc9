import { describe, expect, test } from 'vitest'
import { contextInOrigin } from '../../../src/config/bake/origin.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'

describe('a folder of the repository that bake files came from', () => {
  test.each([
    ['https://git.example/a.git', '.', 'https://git.example/a.git'],
    ['https://git.example/a.git', './', 'https://git.example/a.git'],
    ['https://git.example/a.git', 'web', 'https://git.example/a.git#:web'],
    ['https://git.example/a.git#main', 'web/../api', 'https://git.example/a.git#main:api'],
    ['https://git.example/a.git#main:apps', 'web', 'https://git.example/a.git#main:apps/web'],
    ['https://git.example/a.git#main:apps', '/web', 'https://git.example/a.git#main:apps/web'],
    ['https://git.example/a.git?branch=x&subdir=apps', 'web', 'https://git.example/a.git?branch=x#:apps/web'],
    ['git@git.example:a/b.git', 'two words', 'git@git.example:a/b.git#:two%20words'],
  ])('%s and %s: %s', (url, folder, context) => {
    expect(contextInOrigin({ url }, folder)).toBe(context)
  })

  test('is of the same commit', () => {
    expect(contextInOrigin({ url: 'https://git.example/a.git#main:apps', commit: COMMIT }, 'web')).toBe(
      `https://git.example/a.git?checksum=${COMMIT}#main:apps/web`,
    )
  })

  test('keeps the checksum that the user gave', () => {
    const url = `https://git.example/a.git?checksum=${COMMIT.slice(0, 8)}`
    expect(contextInOrigin({ url, commit: COMMIT }, '.')).toBe(url)
  })

  test.each(['..', '../other', 'a/../../b'])('%s is refused', (folder) => {
    expect(() => contextInOrigin({ url: 'https://git.example/a.git#main:apps' }, folder)).toThrow(
      `Cannot use the context "${folder}": it is outside of the repository`,
    )
  })
})
