import { describe, expect, test } from 'vitest'
import { parseReference } from '../../src/oci/reference.ts'
import { isLoopback } from '../../src/host/http/loopback.ts'
import { pullEndpoints, registryEndpoint } from '../../src/registry/endpoint.ts'

test.each([
  ['alpine', {}, 'https://registry-1.docker.io', 'library/alpine'],
  ['ghcr.io/o/r', {}, 'https://ghcr.io', 'o/r'],
  ['localhost:5000/r', {}, 'http://localhost:5000', 'r'],
  ['127.0.0.1:5000/r', {}, 'http://127.0.0.1:5000', 'r'],
  ['[::1]:5000/r', {}, 'http://[::1]:5000', 'r'],
  ['127.0.0.1:5000/r', { '127.0.0.1:5000': { mirrors: [], http: false } }, 'https://127.0.0.1:5000', 'r'],
  ['lab:5000/r', { 'lab:5000': { mirrors: [], http: true } }, 'http://lab:5000', 'r'],
  ['lab:5000/r', { lab: { mirrors: [], http: true } }, 'https://lab:5000', 'r'],
])('%s with %j is at %s', (name, registries, origin, repository) => {
  expect(registryEndpoint(parseReference(name), registries)).toMatchObject({ origin, repository, mirror: false })
})

describe('mirrors', () => {
  const places = (mirrors: string[], more = {}) =>
    pullEndpoints(parseReference('alpine'), { 'docker.io': { mirrors }, ...more }).map(
      (place) => `${place.origin} ${place.repository}`,
    )

  test('come first and in their order', () => {
    expect(
      places(['mirror.gcr.io', 'http://cache.lan:8080', 'https://hub.lan/proxy/docker', '127.0.0.1:5000/']),
    ).toEqual([
      'https://mirror.gcr.io library/alpine',
      'http://cache.lan:8080 library/alpine',
      'https://hub.lan proxy/docker/library/alpine',
      'http://127.0.0.1:5000 library/alpine',
      'https://registry-1.docker.io library/alpine',
    ])
  })

  test('have settings of their own', () => {
    expect(places(['cache.lan'], { 'cache.lan': { mirrors: [], http: true } })[0]).toBe(
      'http://cache.lan library/alpine',
    )
  })

  test.each(['', 'ftp://x', 'http://', 'a b', 'x?y', 'user@host', 'host:port'])('%j is refused', (text) => {
    expect(() => places([text])).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }))
  })
})

test.each([
  ['localhost', true],
  ['LOCALHOST:1', true],
  ['127.9.9.9:80', true],
  ['[::1]', true],
  ['127.0.0.1.evil.example', false],
  ['localhost.evil.example', false],
  ['10.0.0.1', false],
])('%s is this machine: %s', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})
