import { expect, test } from 'vitest'
import { parseChallenge } from '../../src/registry/challenge.ts'

const bearer = (fields: object) => ({ scheme: 'bearer', scopes: [], insufficient: false, ...fields })

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"',
    bearer({
      realm: 'https://auth.docker.io/token',
      service: 'registry.docker.io',
      scopes: ['repository:library/alpine:pull'],
    }),
  ],
  ['bearer REALM=https://a.b/t', bearer({ realm: 'https://a.b/t' })],
  [
    'Bearer realm = "https://a.b/t" , scope="a:b:c d:e:f"',
    bearer({ realm: 'https://a.b/t', scopes: ['a:b:c', 'd:e:f'] }),
  ],
  ['Bearer realm="x",error="insufficient_scope"', bearer({ realm: 'x', insufficient: true })],
  ['Bearer realm="say \\"hi\\", you"', bearer({ realm: 'say "hi", you' })],
  ['Basic realm="x", Bearer realm="https://a.b/t"', bearer({ realm: 'https://a.b/t' })],
  ['Bearer realm="https://a.b/t", Basic realm="x"', bearer({ realm: 'https://a.b/t' })],
  ['Basic realm="x"', { scheme: 'basic' }],
  ['BASIC', { scheme: 'basic' }],
  ['Bearer', undefined],
  ['Bearer service="x"', undefined],
  ['Negotiate', undefined],
  ['"', undefined],
  ['', undefined],
  [undefined, undefined],
])('%j', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge)
})

test('a huge header is read in no time', () => {
  expect(parseChallenge(`Bearer ${'a="\\'.repeat(100_000)}`)).toBeUndefined()
})
