import { expect, test } from 'vitest'
import { defaultScope } from '../../src/session/gha-scopes.ts'

const scopeOf = (options: object, { image, env = {} }: { image?: string; env?: Record<string, string> } = {}) =>
  defaultScope(
    { image, options: { context: '.', cwd: '/runner/app', ...options } },
    { GITHUB_REPOSITORY: 'octo/app', GITHUB_WORKSPACE: '/runner/app', ...env },
  )

test('a scope can be read, and is a name that every service takes', () => {
  expect(scopeOf({ file: 'services/api/Dockerfile', target: 'release' })).toMatch(
    /^octo-app-services-api-Dockerfile-release-[0-9a-f]{12}$/,
  )
  expect(scopeOf({ file: `${'ä,#/'.repeat(400)}` })).toMatch(/^[A-Za-z0-9_.-]{1,113}$/)
})

test.each<[what: string, one: string, two: string]>([
  ['another repository', scopeOf({}), scopeOf({}, { env: { GITHUB_REPOSITORY: 'octo/other' } })],
  ['another Dockerfile', scopeOf({ file: 'a/Dockerfile' }), scopeOf({ file: 'b/Dockerfile' })],
  ['another folder', scopeOf({ context: 'a' }), scopeOf({ context: 'b' })],
  ['another target', scopeOf({ target: 'a' }), scopeOf({ target: 'b' })],
  ['another image of a bake file', scopeOf({}, { image: 'a' }), scopeOf({}, { image: 'b' })],
  ['parts that run together', scopeOf({ file: 'a', target: 'b-c' }), scopeOf({ file: 'a-b', target: 'c' })],
  [
    'another folder of a repository',
    scopeOf({ context: 'https://example.com/a.git#main:x' }),
    scopeOf({ context: 'https://example.com/a.git#main:y' }),
  ],
])('%s has another scope', (_, one, two) => expect(one).not.toBe(two))

test.each<[what: string, one: string, two: string]>([
  ['the default Dockerfile by its name', scopeOf({}), scopeOf({ file: 'Dockerfile' })],
  ['an absolute path', scopeOf({ context: 'a' }), scopeOf({ context: '/runner/app/a' })],
  [
    'another runner',
    scopeOf({ context: 'a' }),
    scopeOf({ context: '.', cwd: '/other/clone/a' }, { env: { GITHUB_WORKSPACE: '/other/clone' } }),
  ],
  [
    'another commit of a repository, and another login',
    scopeOf({ context: 'https://u:secret@example.com/a.git#main:x' }),
    scopeOf({ context: 'https://example.com/a.git#0123abc:x' }),
  ],
])('%s has the same scope', (_, one, two) => expect(one).toBe(two))

test('no login is in a scope', () => {
  expect(scopeOf({ context: 'https://u:secret@example.com/a.git' })).not.toContain('secret')
})
