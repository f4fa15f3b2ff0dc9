import { expect, test } from 'vitest'
import { ARCHITECTURES, binfmtRegistration } from '../../../src/emulation/architectures.ts'
import { bootFile, bootText, handlerNames } from '../../../src/emulation/machine/boot-files.ts'
import { originOf } from '../../../src/emulation/machine/origin.ts'

const arm64 = ARCHITECTURES.find(({ name }) => name === 'arm64')!

test('a file of binfmt.d is one line that systemd reads as the kernel does', () => {
  const text = bootText(binfmtRegistration(arm64, '/usr/bin/qemu-aarch64-static', 'POF'))
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines).toEqual([
    expect.stringMatching(
      /^:xbuild-arm64:M::(\\x[0-9a-f]{2}){20}:(\\x[0-9a-f]{2}){20}:\/usr\/bin\/qemu-aarch64-static:POF$/,
    ),
  ])
  expect(handlerNames(text)).toEqual(['xbuild-arm64'])
  expect(bootFile(arm64)).toBe('/etc/binfmt.d/xbuild-arm64.conf')
})

test('no delimiter starts a comment there', () => {
  const odd = binfmtRegistration(arm64, '/opt/a:b|c,d/qemu', 'F')
  expect(odd[0]).toBe('!')
  expect(handlerNames(bootText(odd))).toEqual(['xbuild-arm64'])
})

test('names of other files, comments and nonsense aside', () => {
  expect(
    handlerNames('# :a:M::b::/c:\n; :d:\n\n  :python3:M::\\xa7::/usr/bin/python3:\n,jar,M,,PK,,/usr/bin/jar,\n:\n'),
  ).toEqual(['python3', 'jar'])
})

const NOWHERE = { bootFiles: new Map<string, string>(), formats: new Map<string, string>(), interpreterExists: true }

test.each([
  ['xbuild-arm64', 'POF', {}, { by: 'xbuild' }],
  [
    'xbuild-arm64',
    'POF',
    { bootFiles: new Map([['xbuild-arm64', '/etc/binfmt.d/xbuild-arm64.conf']]) },
    { by: 'xbuild', file: '/etc/binfmt.d/xbuild-arm64.conf' },
  ],
  [
    'qemu-aarch64',
    'POF',
    { bootFiles: new Map([['qemu-aarch64', '/usr/lib/binfmt.d/a.conf']]) },
    { by: 'systemd-binfmt', file: '/usr/lib/binfmt.d/a.conf' },
  ],
  [
    'qemu-aarch64',
    'POF',
    { formats: new Map([['qemu-aarch64', '/var/lib/binfmts/qemu-aarch64']]) },
    { by: 'update-binfmts', file: '/var/lib/binfmts/qemu-aarch64' },
  ],
  ['qemu-aarch64', 'POCF', { interpreterExists: false }, { by: 'a container' }],
  ['qemu-aarch64', 'P', { interpreterExists: false }, { by: 'unknown' }],
  ['xbuild-ARM/..', 'F', {}, { by: 'unknown' }],
] as const)('who registered %s with %s, %j', (name, flags, facts, expected) => {
  expect(originOf({ name, flags }, { ...NOWHERE, ...facts })).toEqual(expected)
})
