import { expect, test } from 'vitest'
import { tableOf } from '../../../src/emulation/packs/apt-stanzas.ts'
import { compareVersions } from '../../../src/emulation/packs/debian-version.ts'

test.each([
  ['1.0', '1.0', 0],
  ['1.0', '1.0-1', -1],
  ['1.9', '1.10', -1],
  ['1:1.0', '2.0', 1],
  ['1.0~rc1', '1.0', -1],
  ['3.5.9-1~deb13u1', '3.5.9-1', -1],
  ['2.41-12+deb13u5', '2.41-12', 1],
  ['2.41-12+deb13u10', '2.41-12+deb13u9', 1],
  ['14.2.0-19+b3', '14.2.0-19', 1],
  ['1.0a', '1.0+', -1],
  ['1.2-3-1', '1.2-3-2', -1],
])('version %s beside %s', (one, other, order) => {
  expect(Math.sign(compareVersions(one, other))).toBe(order)
  expect(Math.sign(compareVersions(other, one))).toBe(order === 0 ? 0 : -order)
})

test('packages are found in indexes by their whole names, newest first, and only of the architectures asked for', () => {
  const stanza = (name: string, version: string, architecture: string) =>
    `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nFilename: pool/x.deb\nSHA256: ab\n`
  const texts = [
    `{"format":1}\n\n${stanza('make', '9', 'amd64')}\n${stanza('make-doc', '9', 'all')}\n`,
    `${stanza('make', '10', 'amd64')}\n\n${stanza('make', '11', 'arm64')}Description: text\n Package: gcc\n\n${stanza('last', '1', 'all').trimEnd()}`,
  ]
  const table = tableOf(texts.map((text) => Buffer.from(text)))
  const found = (name: string, ...architectures: string[]) =>
    table.versions(name, architectures).map(({ version }) => version)
  expect(found('make', 'amd64')).toEqual(['10', '9'])
  expect(found('make', 'arm64')).toEqual(['11'])
  expect(found('last', 'amd64', 'all')).toEqual(['1'])
  expect(found('mak', 'amd64')).toEqual([])
  expect(found('gcc', 'arm64')).toEqual([])
})
