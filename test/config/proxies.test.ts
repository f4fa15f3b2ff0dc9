import { expect, test } from 'vitest'
import { proxiesOf, withProxies } from '../../src/config/proxies.ts'

const SETTINGS = {
  proxies: {
    default: { httpProxy: 'http://one', noProxy: 'local', ftpProxy: '', allProxy: 7, other: 'x' },
    'tcp://engine:2375': { httpsProxy: 'http://two' },
  },
}

test('proxies of Docker settings are build args in both cases; an engine may have its own', () => {
  const all = { HTTP_PROXY: 'http://one', http_proxy: 'http://one', NO_PROXY: 'local', no_proxy: 'local' }
  expect(proxiesOf(SETTINGS, 'unix:///var/run/docker.sock')).toEqual(all)
  expect(proxiesOf(SETTINGS, 'tcp://engine:2375')).toEqual({ HTTPS_PROXY: 'http://two', https_proxy: 'http://two' })
})

test.each([{}, { proxies: null }, { proxies: 'x' }, { proxies: { default: ['http://one'] } }])(
  'settings without proxies have none: %j',
  (settings) => {
    expect(proxiesOf(settings, 'unix:///var/run/docker.sock')).toEqual({})
  },
)

test('what somebody says of a proxy wins in either case', () => {
  const proxies = proxiesOf(SETTINGS, '')
  expect(withProxies({ buildArgs: { http_proxy: 'http://mine', A: '1' }, proxies })).toEqual({
    http_proxy: 'http://mine',
    A: '1',
    NO_PROXY: 'local',
    no_proxy: 'local',
  })
})
