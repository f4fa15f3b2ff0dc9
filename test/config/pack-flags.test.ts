import { expect, test } from 'vitest'
import { parseArgv } from '../../src/cli/command-line.ts'

const read = (...argv: string[]) =>
  parseArgv(['pack', ...argv], {}, { cwd: '/work', localPlatform: { os: 'linux', architecture: 'amd64' } })

test.each([
  [[], { verb: 'ls', json: false }],
  [['ls', '--json'], { verb: 'ls', json: true }],
  [['verify'], { verb: 'verify', names: [] }],
  [['rm', 'abcdef', '--store', 'here'], { verb: 'rm', names: ['abcdef'], store: 'here' }],
  [
    ['build', 'cc1@14', 'as', '--platform', 'linux/arm64,linux/s390x'],
    {
      verb: 'build',
      wanted: [
        { recipe: 'cc1', version: '14' },
        { recipe: 'as', version: '' },
      ],
      architectures: ['arm64', 's390x'],
      from: { id: 'debian', codename: 'trixie' },
    },
  ],
  [
    ['build', 'as', '--from', 'ubuntu:noble'],
    { verb: 'build', architectures: ['arm64'], from: { id: 'ubuntu', codename: 'noble' }, fromSource: false },
  ],
  [
    ['build', 'cc1@12', '--from', 'debian:12', '--from-source'],
    { verb: 'build', from: { id: 'debian', codename: 'bookworm' }, fromSource: true },
  ],
  [
    ['build', '--all', 'debian:12', 'linux/arm64,linux/riscv64'],
    { verb: 'build', architectures: ['arm64', 'riscv64'], from: { id: 'debian', codename: 'bookworm' } },
  ],
  [
    ['build', '--all', '--from', 'ubuntu:24.04', '--platform', 'linux/s390x'],
    { verb: 'build', architectures: ['s390x'], from: { id: 'ubuntu', codename: 'noble' } },
  ],
])('xbuild pack %j', (argv, options) => {
  expect(read(...argv)).toMatchObject({ command: 'pack', options })
})

test.each([
  [['verify', '--from-source'], /belongs to xbuild pack build/],
  [['lst'], /Cannot use "xbuild pack lst": unknown/],
  [['ls', 'cc1'], /takes no names/],
  [['rm'], /no name is given/],
  [['build', 'cc1@latest'], /not a name/],
  [['build', 'as', '--from', 'debian'], /Cannot read the distribution/],
  [['verify', '--from', 'debian:trixie'], /belongs to xbuild pack build/],
  [['pull', 'a/b@sha256:1', '--all'], /belongs to xbuild pack build/],
  [['build', '--all', 'debian:13', 'as'], /one distribution is needed/],
  [['build', '--all', 'debian:13', '--from', 'debian:12'], /one distribution is needed/],
  [['build', '--all', 'trixie'], /Cannot read the distribution/],
])('xbuild pack %j is refused', (argv, message) => {
  expect(() => read(...argv)).toThrow(message)
})
