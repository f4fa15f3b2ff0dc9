import { describe, expect, test } from 'vitest'
import {
  ARCHITECTURES,
  architectureOf,
  binfmtRegistration,
  elfMagic,
  elfMask,
} from '../../src/emulation/architectures.ts'
import { hasNoInterpreter } from '../../src/emulation/emulators.ts'
import { probeProgram } from '../../src/emulation/probe-program.ts'
import { parsePlatform } from '../../src/platform.ts'

const named = (name: string) => ARCHITECTURES.find((architecture) => architecture.name === name)!

describe('registration', () => {
  test('of arm64 is the text that the kernel takes', () => {
    expect(binfmtRegistration(named('arm64'), '/usr/bin/qemu-aarch64-static')).toBe(
      String.raw`:xbuild-arm64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00` +
        String.raw`:\xff\xff\xff\xff\xff\xff\xff\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff` +
        ':/usr/bin/qemu-aarch64-static:POCF',
    )
  })

  test.each(ARCHITECTURES)(
    'of $name fits, and holds no raw byte that the kernel could take for a delimiter',
    (architecture) => {
      const text = binfmtRegistration(architecture, `/${'q'.repeat(126)}`, 'F')
      expect(text.length).toBeLessThanOrEqual(1920)
      expect(text).toMatch(/^:xbuild-[a-z0-9]+:M::(\\x[0-9a-f]{2}){20}:(\\x[0-9a-f]{2}){20}:\/q+:F$/)
    },
  )

  test('takes another delimiter for a path with a colon', () => {
    expect(binfmtRegistration(named('arm'), '/opt/a:b/qemu')).toMatch(/^\|xbuild-arm\|M\|\|.*\|\/opt\/a:b\/qemu\|POCF$/)
  })

  test.each(['qemu-arm', `/${'q'.repeat(127)}`, '/a\nb', '/a:b|c,d;e!f'])('refuses the path %j', (path) => {
    expect(() => binfmtRegistration(named('arm'), path)).toThrow('Cannot register the emulator')
  })
})

test.each([
  ['arm64', '7f454c460201010000000000000000000200b700', 'ffffffffffffff0000fffffffffffffffeffffff'],
  ['arm', '7f454c4601010100000000000000000002002800', 'ffffffffffffff0000fffffffffffffffeffffff'],
  ['s390x', '7f454c4602020100000000000000000000020016', 'ffffffffffffff0000fffffffffffffffffeffff'],
  ['loong64', '7f454c4602010100000000000000000002000201', 'ffffffffffffff0000fffffffffffffffeffffff'],
])('magic and mask of %s', (name, magic, mask) => {
  expect(elfMagic(named(name)).toString('hex')).toBe(magic)
  expect(elfMask(named(name)).toString('hex')).toBe(mask)
})

test('no architecture takes the files of another', () => {
  for (const one of ARCHITECTURES) {
    const takes = (file: Buffer) =>
      file.every((byte, index) => ((byte ^ elfMagic(one)[index]!) & elfMask(one)[index]!) === 0)
    const taken = ARCHITECTURES.filter((other) => takes(elfMagic(other)))
    expect(taken).toEqual([one])
  }
})

test.each([
  ['linux/arm/v6', 'arm'],
  ['linux/arm64/v9', 'arm64'],
  ['windows/amd64', undefined],
  ['linux/sparc64', undefined],
])('%s is emulated as %s', (platform, name) => {
  expect(architectureOf(parsePlatform(platform))?.name).toBe(name)
})

test.each(ARCHITECTURES)('the probe program of $name is a small static ELF file that loads itself', (architecture) => {
  const program = probeProgram(architecture)
  const wide = architecture.bits === 64
  const size = wide
    ? Number(architecture.endian === 'little' ? program.readBigUInt64LE(96) : program.readBigUInt64BE(96))
    : program.readUInt32LE(68)
  expect(program.length).toBeLessThan(160)
  expect(size).toBe(program.length)
  expect(program.subarray(0, 20)).toEqual(elfMagic(architecture))
  expect(hasNoInterpreter(program)).toBe(true)
})
