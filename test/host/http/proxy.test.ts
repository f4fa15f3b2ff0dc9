import { describe, expect, test } from 'vitest'
import { proxyFor } from '../../../src/host/http/proxy.ts'

const ENV = { HTTPS_PROXY: 'http://secure.proxy:3128', HTTP_PROXY: 'plain.proxy:8080' }

test.each([
  ['https://ghcr.io/v2/', ENV, 'http://secure.proxy:3128/'],
  ['http://ghcr.io/v2/', ENV, 'http://plain.proxy:8080/'],
  ['https://ghcr.io/v2/', { https_proxy: 'https://low.er' }, 'https://low.er/'],
  ['https://ghcr.io/v2/', { HTTP_PROXY: 'plain.proxy:8080' }, undefined],
  ['https://ghcr.io/v2/', { HTTPS_PROXY: '' }, undefined],
  ['https://ghcr.io/v2/', { HTTPS_PROXY: 'http://[' }, undefined],
  ['https://ghcr.io/v2/', {}, undefined],
  ['http://127.0.0.1:5000/v2/', ENV, undefined],
  ['http://localhost:5000/v2/', ENV, undefined],
  ['http://[::1]:5000/v2/', ENV, undefined],
])('%s with %j goes through %s', (url, env, proxy) => {
  expect(proxyFor(new URL(url), env)?.href).toBe(proxy)
})

describe('NO_PROXY', () => {
  test.each([
    ['*', 'https://ghcr.io/', true],
    ['ghcr.io', 'https://ghcr.io/', true],
    ['GHCR.io', 'https://ghcr.io/', true],
    ['ghcr.io', 'https://sub.ghcr.io/', true],
    ['ghcr.io', 'https://notghcr.io/', false],
    ['.ghcr.io', 'https://sub.ghcr.io/', true],
    ['*.ghcr.io', 'https://sub.ghcr.io/', true],
    ['.ghcr.io', 'https://ghcr.io/', false],
    ['a.b, ghcr.io', 'https://ghcr.io/', true],
    ['ghcr.io:443', 'https://ghcr.io/', true],
    ['ghcr.io:5000', 'https://ghcr.io/', false],
    ['ghcr.io:5000', 'https://ghcr.io:5000/', true],
    ['10.1.2.3', 'https://10.1.2.3:5000/', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/99', 'https://10.1.2.3/', false],
    ['10.0.0.0/8', 'https://ghcr.io/', false],
    ['fd00::/8', 'https://[fd00::1]/', true],
    ['[fd00::1]:443', 'https://[fd00::1]/', true],
    ['fd00::1', 'https://[fd00::1]/', true],
    ['fd00::/8', 'https://10.1.2.3/', false],
    [', ,.', 'https://ghcr.io/', false],
  ])('%s exempts %s: %s', (list, url, exempt) => {
    expect(proxyFor(new URL(url), { ...ENV, NO_PROXY: list }) === undefined).toBe(exempt)
    expect(proxyFor(new URL(url), { ...ENV, no_proxy: list }) === undefined).toBe(exempt)
  })
})
