import { expect, test } from 'vitest'
import { ARCHITECTURES, elfMagic, elfMask } from '../../src/emulation/architectures.ts'
import type { LaunchFacts } from '../../src/emulation/launch.ts'
import { whyMissing } from '../../src/emulation/why-missing.ts'

const arm64 = ARCHITECTURES.find(({ name }) => name === 'arm64')!
const emulator = { architecture: 'arm64', path: '/usr/bin/qemu-aarch64-static', size: 1, mtime: 1, static: true }
const magic = { offset: 0, magic: elfMagic(arm64), mask: elfMask(arm64) }
const facts: LaunchFacts = { uid: 0, kernel: '6.18.1', native: 'amd64', emulators: [], hostHandlers: [] }

test.each<[Partial<LaunchFacts>, string, string]>([
  [{}, 'qemu-aarch64-static is not on PATH', 'qemu-user-static'],
  [{ emulators: [{ ...emulator, static: false }] }, 'is dynamically linked', 'qemu-user-static'],
  [
    { emulators: [emulator], kernel: '6.1.0-31' },
    'Linux 6.1.0-31 is older than 6.7, and this machine has no handler',
    'xbuild qemu install',
  ],
  [{ emulators: [emulator] }, 'the handlers of this machine run more of the platforms', 'xbuild qemu install'],
  [
    { hostHandlers: [{ name: 'qemu-arm64', enabled: true, interpreter: '/q', flags: 'OC', ...magic }] },
    'the handler qemu-arm64 lacks the flag F',
    'qemu-user-static',
  ],
])('%#: the reason names what is there and what is not', (change, reason, hint) => {
  const missing = whyMissing(arm64, { ...facts, ...change })
  expect(missing.reason).toContain(reason)
  expect(missing.hint).toContain(hint)
})
