import { expect, test } from 'vitest'
import { gitLogin, httpLogin, withoutLogin } from '../../src/source/logins.ts'

const secretsOf = (secrets: Record<string, string>) => async (id: string) =>
  secrets[id] === undefined ? undefined : Buffer.from(secrets[id])
const basic = (token: string) => `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`

test.each<[url: string, secrets: Record<string, string>, scope: string | undefined, authorization?: string]>([
  ['https://h/a.git', {}, undefined],
  ['https://h/a.git', { GIT_AUTH_TOKEN: 't\n' }, 'https://h/a.git', basic('t')],
  ['http://h:8080/a.git', { GIT_AUTH_TOKEN: 't', 'GIT_AUTH_TOKEN.h:8080': 'own' }, 'http://h:8080/a.git', basic('own')],
  ['https://h/a.git', { 'GIT_AUTH_TOKEN.other': 't' }, undefined],
  ['https://h/a.git', { GIT_AUTH_TOKEN: 't', GIT_AUTH_HEADER: 'Bearer x' }, 'https://h/a.git', 'Bearer x'],
  ['https://h/a.git', { 'GIT_AUTH_TOKEN.h': 't', GIT_AUTH_HEADER: 'Bearer x' }, 'https://h/a.git', basic('t')],
  ['https://user@h/a.git', { GIT_AUTH_TOKEN: 't' }, 'https://h/a.git', basic('t')],
  ['https://github.com/o/r.git', { GIT_AUTH_TOKEN: 't' }, 'https://github.com/', basic('t')],
  ['http://127.0.0.1:1/a.git', { GIT_AUTH_TOKEN: 't' }, 'http://127.0.0.1:1/a.git', basic('t')],
  ['http://h/a.git', { 'GIT_AUTH_TOKEN.h:80': 't' }, 'http://h/a.git', basic('t')],
  ['http://h/a.git', { 'GIT_AUTH_TOKEN.h': 't' }, undefined],
  ['ssh://git@h/a.git', { GIT_AUTH_TOKEN: 't' }, undefined],
  ['git@h:a.git', { GIT_AUTH_TOKEN: 't' }, undefined],
])('%s with %j', async (url, secrets, scope, authorization) => {
  expect(await gitLogin(url, secretsOf(secrets))).toEqual(scope === undefined ? undefined : { scope, authorization })
})

test.each<[url: string, secrets: Record<string, string>, expected: string | undefined]>([
  ['https://h:1/f', {}, undefined],
  ['https://h:1/f', { 'HTTP_AUTH_TOKEN_h:1': 't' }, 'Bearer t'],
  ['https://h/f', { HTTP_AUTH_TOKEN_h: 't' }, 'Bearer t'],
  ['https://h:443/f', { HTTP_AUTH_TOKEN_h: 't' }, 'Bearer t'],
  ['http://h/f', { 'HTTP_AUTH_TOKEN_h:80': 't' }, 'Bearer t'],
  ['https://h/f', { 'HTTP_AUTH_TOKEN_h:1': 't' }, undefined],
  ['https://h/f', { HTTP_AUTH_HEADER_h: 'Basic abc\n' }, 'Basic abc'],
  ['https://h/f', { HTTP_AUTH_TOKEN_g: 't' }, undefined],
])('%s with %j', async (url, secrets, expected) => {
  expect(await httpLogin(new URL(url), secretsOf(secrets))).toBe(expected)
})

test.each(['two\nlines', 'a\r\nX-Other: b', '\0', '', 'ü'])('a secret of %j is no login', async (text) => {
  await expect(gitLogin('https://h/a.git', secretsOf({ GIT_AUTH_TOKEN: text }))).rejects.toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringMatching(/^Cannot use the secret "GIT_AUTH_TOKEN": /),
  })
})

test.each<[url: string, send: (url: string) => Promise<unknown>]>([
  ['http://h/a.git', (url) => gitLogin(url, secretsOf({ GIT_AUTH_TOKEN: 't' }))],
  ['http://h:8080/a.git', (url) => gitLogin(url, secretsOf({ GIT_AUTH_HEADER: 't' }))],
  ['https://h:1/f', (url) => httpLogin(new URL(url), secretsOf({ HTTP_AUTH_TOKEN_h: 't' }))],
  ['http://h/f', (url) => httpLogin(new URL(url), secretsOf({ HTTP_AUTH_HEADER_h: 't' }))],
])('a secret is sent neither in the clear nor to another port by chance: %s', async (url, send) => {
  await expect(send(url)).rejects.toMatchObject({ code: 'AUTH', hint: expect.stringMatching(/[._]h:\d+,/) })
})

test.each([
  [
    'https://me:a%20b@h/a.git',
    { url: 'https://h/a.git', login: { scope: 'https://h/a.git', authorization: `Basic ${btoa('me:a b')}` } },
  ],
  [
    'https://:word@h/a.git',
    { url: 'https://h/a.git', login: { scope: 'https://h/a.git', authorization: `Basic ${btoa(':word')}` } },
  ],
  ['https://me@h/a.git', { url: 'https://h/a.git', username: 'me' }],
  ['https://h/a.git', { url: 'https://h/a.git' }],
  ['ssh://git@h/a.git', { url: 'ssh://git@h/a.git' }],
  ['ssh://git:word@h/a.git', { url: 'ssh://git@h/a.git' }],
  ['git@h:a.git', { url: 'git@h:a.git' }],
])('git is given %s without a password', (url, expected) => {
  expect(withoutLogin(url)).toEqual(expected)
})
