import { describe, expect, test } from 'vitest'
import type { XbuildError } from '../src/errors.ts'
import {
  bestMatch,
  formatPlatform,
  matchOrder,
  normalizePlatform,
  parsePlatform,
  platformKey,
  platformOfNodeArch,
  samePlatform,
} from '../src/platform.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }

function thrown(run: () => unknown): XbuildError {
  try {
    run()
  } catch (error) {
    return error as XbuildError
  }
  throw new Error('nothing was thrown')
}

describe('parsePlatform', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['Linux/X86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v9.0', 'linux/arm64/v9'],
    ['linux/arm64/8.2', 'linux/arm64/v8.2'],
    ['linux/riscv64/rva22u64', 'linux/riscv64/rva22u64'],
    ['macos/arm64', 'darwin/arm64'],
    [' linux/s390x ', 'linux/s390x'],
    ['arm64', 'linux/arm64'],
    ['armhf', 'linux/arm/v7'],
    ['linux', 'linux/amd64'],
  ])('%s is %s', (text, expected) => {
    expect(formatPlatform(parsePlatform(text, amd64))).toBe(expected)
  })

  test('reads OS version and features', () => {
    expect(parsePlatform('windows(10.0.17763.1+win32k)/amd64')).toEqual({
      os: 'windows',
      architecture: 'amd64',
      osVersion: '10.0.17763.1',
      osFeatures: ['win32k'],
    })
    expect(parsePlatform('linux(+a%2Bb)/amd64').osFeatures).toEqual(['a+b'])
  })

  test.each([
    ['', 'not of the form', 'linux/arm64'],
    ['linux/', 'not of the form', 'linux/arm64'],
    ['/amd64', 'not of the form', 'linux/arm64'],
    ['linux/*', 'not of the form', 'linux/arm64'],
    ['linux/arm/v7/x', 'not of the form', 'linux/arm64'],
    ['linux(%zz)/amd64', 'not of the form', 'linux/arm64'],
    ['linux/amr64', 'unknown architecture "amr64"', 'Did you mean "arm64"?'],
    ['amd46', 'unknown architecture "amd46"', 'Did you mean "amd64"?'],
    ['linux/aarch46', 'unknown architecture', 'Did you mean "aarch64"?'],
    ['linus/amd64', 'unknown operating system "linus"', 'Did you mean "linux"?'],
    ['linux/constructor', 'unknown architecture "constructor"', 'Write it like'],
    ['linux/pdp11-something', 'unknown architecture', 'Write it like'],
    ['linux/arm/v9', 'arm has no variant "v9"', 'v5 to v8'],
    ['linux/amd64/v5', 'amd64 has no variant "v5"', 'v1 to v4'],
    ['linux/arm64/v7', 'arm64 has no variant "v7"', 'v8'],
    [`linux/${'a'.repeat(100_000)}`, 'not of the form', 'linux/arm64'],
  ])('refuses "%.30s"', (text, state, hint) => {
    const error = thrown(() => parsePlatform(text))
    expect(error.code).toBe('BAD_PLATFORM')
    expect(error.message).toContain(state)
    expect(error.message.length).toBeLessThan(300)
    expect(error.hint).toContain(hint)
  })

  test('a lone OS needs to know the local architecture', () => {
    expect(thrown(() => parsePlatform('linux')).message).toBe('Cannot parse platform "linux": it names no architecture')
  })
})

describe('equality', () => {
  test('is by normalised form', () => {
    expect(samePlatform({ os: 'linux', architecture: 'arm64', variant: 'v8' }, parsePlatform('arm64'))).toBe(true)
    expect(samePlatform(amd64, parsePlatform('linux/amd64/v2'))).toBe(false)
    expect(samePlatform(parsePlatform('windows(1.2.3)/amd64'), parsePlatform('windows(1.2.4)/amd64'))).toBe(false)
  })

  test('keys of plain platforms are their format', () => {
    expect(platformKey(parsePlatform('linux/arm'))).toBe('linux/arm/v7')
    expect(platformKey(parsePlatform('linux(+b+a)/arm'))).toBe(platformKey(parsePlatform('linux(+a+b+a)/arm')))
  })

  test('normalising twice changes nothing, and adds no empty fields', () => {
    const once = normalizePlatform({ os: 'Linux', architecture: 'ARM64', variant: 'v8', osVersion: '', osFeatures: [] })
    expect(once).toEqual({ os: 'linux', architecture: 'arm64' })
    expect(Object.keys(normalizePlatform(once))).toEqual(['os', 'architecture'])
  })
})

test.each([
  ['linux/amd64', 'linux/amd64 linux/386'],
  ['linux/amd64/v3', 'linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386'],
  ['linux/386', 'linux/386'],
  ['linux/arm/v7', 'linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/arm64', 'linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  ['linux/arm64/v8.1', 'linux/arm64/v8.1 linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5'],
  [
    'linux/arm64/v9',
    'linux/arm64/v9 linux/arm64/v8.5 linux/arm64/v8.4 linux/arm64/v8.3 linux/arm64/v8.2 linux/arm64/v8.1 linux/arm64 ' +
      'linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5',
  ],
  ['linux/riscv64', 'linux/riscv64'],
  ['linux/riscv64/rva22u64', 'linux/riscv64/rva22u64 linux/riscv64'],
])('matchOrder of %s', (wanted, expected) => {
  expect(matchOrder(parsePlatform(wanted)).map(formatPlatform).join(' ')).toBe(expected)
})

test.each([
  ['linux/amd64/v3', ['linux/386', 'linux/amd64', 'linux/amd64/v2'], 2],
  ['linux/amd64', ['linux/amd64/v2', 'linux/386'], 1],
  ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v5'], 1],
  ['linux/arm64', ['linux/arm/v7', 'linux/arm64'], 1],
  ['linux/s390x', ['linux/amd64'], undefined],
  ['linux/amd64', ['linux/amd64', 'linux/amd64'], 0],
  ['linux/amd64', ['linux(+gpu)/amd64', 'linux/amd64'], 1],
  ['windows(10.0.17763.5)/amd64', ['windows(10.0.20348.1)/amd64', 'windows(10.0.17763.9)/amd64'], 1],
])('bestMatch of %s among %j', (wanted, candidates, expected) => {
  expect(
    bestMatch(
      parsePlatform(wanted),
      candidates.map((text) => parsePlatform(text)),
    ),
  ).toBe(expected)
})

test.each([
  ['x64', 'linux/amd64'],
  ['arm64', 'linux/arm64'],
  ['arm', 'linux/arm/v7'],
  ['ppc64', 'linux/ppc64le'],
  ['riscv64', 'linux/riscv64'],
])('node on %s is %s', (arch, expected) => {
  expect(formatPlatform(platformOfNodeArch(arch))).toBe(expected)
})
