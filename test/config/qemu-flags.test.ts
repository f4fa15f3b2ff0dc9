import { expect, test } from 'vitest'
import { parseArgv } from '../../src/cli/command-line.ts'

const read = (...argv: string[]) => {
  const command = parseArgv(['qemu', ...argv], {}, { cwd: '/', localPlatform: { os: 'linux', architecture: 'amd64' } })
  return command.command === 'qemu' ? command.options : undefined
}

test.each([
  [[], { verb: 'status', architectures: [], json: false }],
  [['status', '--json', 'arm64'], { verb: 'status', architectures: ['arm64'], json: true }],
  [
    ['install', 'aarch64', 'linux/riscv64,arm'],
    { verb: 'install', architectures: ['arm64', 'riscv64', 'arm'], force: false, credentials: false, packs: false },
  ],
  [
    ['install', 'all', '-f', '--credentials'],
    { verb: 'install', architectures: [], force: true, credentials: true, packs: false },
  ],
  [
    ['install', '--packs', 'arm64'],
    { verb: 'install', architectures: ['arm64'], force: false, credentials: false, packs: true },
  ],
  [['rm', 's390x'], { verb: 'uninstall', architectures: ['s390x'] }],
])('xbuild qemu %j', (argv, expected) => {
  expect(read(...argv)).toEqual(expected)
})

test.each([
  [['instal'], /unknown/],
  [['install', '--json'], /belongs to xbuild qemu status/],
  [['status', '--force'], /belongs to xbuild qemu install/],
  [['uninstall', '--packs'], /belongs to xbuild qemu install/],
  [['install', 'windows/amd64'], /Linux/],
  [['install', 'linux/arm64/v8/x'], /Cannot parse platform/],
  [['install', '--forse'], /unknown flag/],
])('xbuild qemu %j is refused', (argv, message) => {
  expect(() => read(...argv)).toThrow(message)
})
