import { expect, test } from 'vitest'
import { createAgents } from '../../../src/host/http/agents.ts'
import { kindOfAddress, METADATA_RANGES } from '../../../src/host/http/metadata.ts'
import { checkHost, checkName, guardedLookup, type Reach } from '../../../src/host/http/reach.ts'

test.each([
  ['169.254.169.254', 'metadata'],
  ['169.254.1.1', 'metadata'],
  ['169.254.170.2', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['192.0.0.192', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['fd00:ec2::23', 'metadata'],
  ['fd00:c1::a9fe:a9fe', 'metadata'],
  ['fd00:42::42', 'metadata'],
  ['fe80::1', 'metadata'],
  ['fe80::1%eth0', 'metadata'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['::ffff:a9fe:a9fe', 'metadata'],
  ['::a9fe:a9fe', 'metadata'],
  ['64:ff9b::169.254.169.254', 'metadata'],
  ['2002:a9fe:a9fe::1', 'metadata'],
  ['127.0.0.1', 'loopback'],
  ['127.255.0.9', 'loopback'],
  ['0.0.0.0', 'loopback'],
  ['::1', 'loopback'],
  ['::', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['64:ff9b::7f00:1', 'loopback'],
  ['10.0.0.1', undefined],
  ['169.253.255.255', undefined],
  ['100.100.100.201', undefined],
  ['::ffff:10.0.0.1', undefined],
  ['2001:db8::1', undefined],
  ['fd00:ec2::253', undefined],
])('%s is %s', (address, kind) => {
  expect(kindOfAddress(address)).toBe(kind)
})

test('every address that steps are refused is refused', () => {
  for (const range of [...METADATA_RANGES[4], ...METADATA_RANGES[6]])
    expect(kindOfAddress(range.replace(/\/.*/, ''))).toBe('metadata')
})

// As a URL has them: every spelling is one address
test.each([
  'http://169.254.169.254/',
  'http://2852039166/',
  'http://0xA9FEA9FE/',
  'http://0251.0376.0251.0376/',
  'http://169.16689662/',
  'http://[::ffff:169.254.169.254]/',
  'https://[fe80::a9fe:a9fe]:8443/',
  'http://user:word@169.254.169.254:80/',
])('%s may not be asked, through a proxy or not', (text) => {
  const url = new URL(text)
  expect(() => checkHost(url, 'no-metadata')).toThrow(/^Cannot connect to ".*": it is a link-local or metadata address/)
  expect(() => checkHost(url, 'all')).not.toThrow()
  const env = { HTTP_PROXY: 'http://proxy.example:3128', HTTPS_PROXY: 'http://proxy.example:3128' }
  for (const settings of [{}, env]) {
    const agents = createAgents({ env: settings, reach: 'no-metadata' })
    expect(() => agents.route(url)).toThrow('Cannot connect to')
    agents.close()
  }
})

test('a host that the settings name may be asked', () => {
  const agents = createAgents({
    env: {},
    reach: 'no-metadata',
    tlsOf: (host) => (host === '169.254.7.7' ? {} : undefined),
  })
  expect(() => agents.route(new URL('http://169.254.7.7/'))).not.toThrow()
  expect(() => agents.route(new URL('http://169.254.7.8/'))).toThrow('Cannot connect to')
  agents.close()
})

const resolved = (host: string, reach: Reach, all: boolean) =>
  new Promise((done) => guardedLookup(reach)(host, { all }, (error, found) => done(error?.message ?? found)))

test.each([true, false])('a name is judged by what it resolves to (all: %s)', async (all) => {
  expect(await resolved('localhost', 'no-loopback', all)).toMatch(/^Cannot connect to "localhost": it is (127|::1)/)
  expect(JSON.stringify(await resolved('localhost', 'no-metadata', all))).toMatch(/127\.|::1/)
  expect(await resolved('nowhere.invalid', 'no-loopback', all)).toMatch(/ENOTFOUND|EAI_AGAIN/)
})

// What other programs than this one resolve
test('a name that is asked by another program is judged beforehand', async () => {
  await expect(checkName('2852039166', 'no-metadata')).rejects.toThrow('it is 169.254.169.254, a link-local')
  await expect(checkName('[::1]', 'no-loopback')).rejects.toThrow('an address of this machine')
  await checkName('[::1]', 'no-metadata')
  await checkName('169.254.169.254', 'all')
  await checkName('nowhere.invalid', 'no-loopback')
  await checkName('', 'no-loopback')
})
