import { expect, test } from 'vitest'
import { ARCHITECTURES, elfMagic, elfMask } from '../../src/emulation/architectures.ts'
import type { Emulator } from '../../src/emulation/emulators.ts'
import type { Handler } from '../../src/emulation/handlers.ts'
import { type LaunchFacts, chooseLaunch } from '../../src/emulation/launch.ts'
import { hasPrivateBinfmt } from '../../src/emulation/namespace-errors.ts'

function emulator(architecture: string, isStatic = true): Emulator {
  return { architecture, path: `/usr/bin/qemu-${architecture}`, size: 1, mtime: 1, static: isStatic }
}

function handler(name: string, flags = 'POCF'): Handler {
  const architecture = ARCHITECTURES.find((one) => one.name === name)!
  const [magic, mask] = [elfMagic(architecture), elfMask(architecture)]
  return { name: `host-${name}`, enabled: true, interpreter: '/q', flags, offset: 0, magic, mask }
}

const facts: LaunchFacts = { uid: 0, kernel: '6.18.1-arch', native: 'amd64', emulators: [], hostHandlers: [] }

test.each<[string, Partial<LaunchFacts>, string[], string, Record<string, string>]>([
  ['root, own handlers', { emulators: [emulator('arm64')] }, ['arm64'], 'root-emulate', { arm64: 'private' }],
  ['a user, own handlers', { uid: 1000, emulators: [emulator('arm64')] }, ['arm64'], 'rootless', { arm64: 'private' }],
  [
    'nothing for the own platform',
    { emulators: [emulator('amd64'), emulator('arm64')] },
    ['arm64'],
    'root-emulate',
    { arm64: 'private' },
  ],
  ['no dynamic emulator', { emulators: [emulator('arm64', false)] }, ['arm64'], 'root-native', {}],
  [
    'old kernel, nothing on the host',
    { kernel: '6.1.0', emulators: [emulator('arm64')] },
    ['arm64'],
    'root-native',
    {},
  ],
  [
    'old kernel, handler on the host',
    { kernel: '6.1.0', uid: 1000, emulators: [emulator('arm64')], hostHandlers: [handler('arm64')] },
    ['arm64'],
    'rootless',
    { arm64: 'host' },
  ],
  ['a handler on the host without F', { hostHandlers: [handler('arm64', 'POC')] }, ['arm64'], 'root-native', {}],
  [
    'both: own ones win',
    { emulators: [emulator('arm64')], hostHandlers: [handler('arm64')] },
    ['arm64'],
    'root-emulate',
    { arm64: 'private' },
  ],
  [
    'the host runs more of what is wanted',
    { emulators: [emulator('arm64')], hostHandlers: [handler('arm64'), handler('riscv64')] },
    ['arm64', 'riscv64'],
    'root-native',
    { arm64: 'host', riscv64: 'host' },
  ],
])('%s', (_, change, wanted, kind, runners) => {
  const launch = chooseLaunch({ ...facts, ...change }, wanted)
  expect(launch.kind).toBe(kind)
  expect(Object.fromEntries(Object.entries(launch.runners).map(([name, runner]) => [name, runner.via]))).toEqual(
    runners,
  )
  expect(launch.handlers).toHaveLength(Object.values(runners).filter((via) => via === 'private').length)
})

test.each([
  ['6.7.0', true],
  ['6.7', true],
  ['6.6.99-generic', false],
  ['5.15.0-91-generic', false],
  ['7.0.1', true],
  ['10.1', true],
  ['strange', false],
])('kernel %s has private handlers: %s', (kernel, expected) => {
  expect(hasPrivateBinfmt(kernel)).toBe(expected)
})
