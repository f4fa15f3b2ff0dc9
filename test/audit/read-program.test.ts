import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createFileCapture, wholeFile } from '../../src/audit/file-capture.ts'
import { readProgram } from '../../src/audit/read-program.ts'
import { runsOn } from '../../src/audit/runs-on.ts'
import { parsePlatform } from '../../src/platform.ts'
import { makeElf, type MadeElf } from './support/elf.ts'
import { scanLayer } from './support/layer.ts'

function read(bytes: Buffer) {
  return readProgram(wholeFile(bytes))
}

describe('a program', () => {
  test('of this machine is read from a real file', () => {
    const program = read(readFileSync(process.execPath))!
    expect(program).toMatchObject({ format: 'elf', os: 'linux', kind: 'program' })
    expect(program.loader).toMatch(/^\/lib/)
    expect(program.needed).toContain('libc.so.6')
  })

  test.each<[name: string, made: MadeElf, architecture: string]>([
    ['amd64', { machine: 62 }, 'amd64'],
    ['x32', { machine: 62, wide: false }, 'x32'],
    ['386', { machine: 3, wide: false }, '386'],
    ['arm64', { machine: 183 }, 'arm64'],
    ['arm', { machine: 40, wide: false }, 'arm'],
    ['big-endian arm', { machine: 40, wide: false, big: true }, 'armbe'],
    ['ppc64le', { machine: 21 }, 'ppc64le'],
    ['ppc64', { machine: 21, big: true }, 'ppc64'],
    ['s390x', { machine: 22, big: true }, 's390x'],
    ['mips64le', { machine: 8 }, 'mips64le'],
    ['mips', { machine: 8, wide: false, big: true }, 'mips'],
    ['riscv64', { machine: 243 }, 'riscv64'],
    ['loong64', { machine: 258 }, 'loong64'],
  ])('for %s', (_, made, architecture) => {
    expect(read(makeElf(made))).toMatchObject({ architecture, kind: 'program', os: 'linux' })
  })

  test.each<[line: string, machine: number, gap: number, variant: string | undefined]>([
    ['build\tGOAMD64=v3\n', 62, 0, 'v3'],
    ['build\tGOAMD64=v1\n', 62, 0, undefined],
    ['dep\tx\tv1\nbuild\tGOARCH=arm\nbuild\tGOARM=7\n', 40, 0, 'v7'],
    ['build\tGOARM=6,softfloat\n', 40, 0, 'v6'],
    ['build\tGOAMD64=v3\n', 62, 6 << 20, 'v3'],
    ['build\tGOAMD64=v3\n', 40, 0, undefined],
    ['build\tCGO_ENABLED=0\n', 62, 0, undefined],
  ])('of Go says for which CPU it was built: %j on %i', (goBuild, machine, gap, variant) => {
    const bytes = makeElf({ machine, wide: machine !== 40, goBuild, gap })
    const [file] = scanLayer({ x: { bytes } }).programs
    expect(file?.program?.variant).toBe(variant)
  })

  test.each<[made: MadeElf, abi: string | undefined]>([
    [{ machine: 40, wide: false, flags: 0x5000400 }, 'hard-float'],
    [{ machine: 40, wide: false, flags: 0x5000200 }, 'soft-float'],
    [{ machine: 40, wide: false, flags: 0x5000000 }, undefined],
    [{ machine: 243, flags: 5 }, 'double-float'],
    [{ machine: 243, flags: 1 }, 'soft-float'],
    [{ machine: 183, flags: 5 }, undefined],
  ])('says how it passes floating-point numbers: %o', (made, abi) => {
    expect(read(makeElf(made))!.abi).toBe(abi)
  })

  test('says its loader, its libraries and its system', () => {
    const made = {
      machine: 183,
      type: 3,
      loader: '/lib/ld-musl-aarch64.so.1',
      needed: ['libz.so.1', 'libc.so'],
      osabi: 9,
    }
    expect(read(makeElf(made))).toEqual({
      format: 'elf',
      os: 'freebsd',
      architecture: 'arm64',
      kind: 'program',
      loader: '/lib/ld-musl-aarch64.so.1',
      needed: ['libz.so.1', 'libc.so'],
    })
    expect(read(makeElf({ machine: 183, type: 3 }))).toMatchObject({ kind: 'library' })
  })

  test('object files, programs of no CPU and torn files are none', () => {
    expect(read(makeElf({ machine: 62, type: 1 }))).toBeUndefined()
    expect(read(makeElf({ machine: 247 }))).toBeUndefined()
    const whole = makeElf({ machine: 62, loader: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'] })
    for (let size = 0; size < whole.length; size += 1) expect(() => read(whole.subarray(0, size))).not.toThrow()
    expect(read(Buffer.from('cafebabe00000034', 'hex'))).toBeUndefined() // a class of Java
  })

  test('of Windows and of Apple', () => {
    const pe = Buffer.alloc(400)
    pe.write('MZ')
    pe.writeUInt32LE(64, 60)
    pe.write('PE\0\0', 64)
    pe.writeUInt16LE(0xaa64, 68)
    pe.writeUInt16LE(240, 84)
    pe.writeUInt16LE(0x20b, 88)
    expect(read(pe)).toEqual({ format: 'pe', os: 'windows', architecture: 'arm64', kind: 'program' })
    const managed = Buffer.from(pe)
    managed.writeUInt32LE(0x2000, 88 + 112 + 14 * 8)
    expect(read(managed)).toBeUndefined()
    const macho = Buffer.alloc(32)
    macho.writeUInt32LE(0xfeedfacf, 0)
    macho.writeUInt32LE(0x0100000c, 4)
    macho.writeUInt32LE(2, 12)
    expect(read(macho)).toEqual({ format: 'macho', os: 'darwin', architecture: 'arm64', kind: 'program' })
  })
})

test.each<[made: MadeElf, platform: string, runs: string]>([
  [{ machine: 62 }, 'linux/amd64', 'yes'],
  [{ machine: 62 }, 'linux/arm64', 'no'],
  [{ machine: 3, wide: false }, 'linux/amd64', 'yes'],
  [{ machine: 62 }, 'linux/386', 'no'],
  [{ machine: 62, wide: false }, 'linux/amd64', 'no'],
  [{ machine: 40, wide: false }, 'linux/arm64', 'yes'],
  [{ machine: 183 }, 'linux/arm/v7', 'no'],
  [{ machine: 40, wide: false, armArch: 10 }, 'linux/arm/v7', 'yes'],
  [{ machine: 40, wide: false, armArch: 10 }, 'linux/arm/v6', 'level'],
  [{ machine: 40, wide: false, armArch: 4 }, 'linux/arm/v5', 'yes'],
  [{ machine: 40, wide: false, armArch: 14 }, 'linux/arm/v7', 'level'],
  [{ machine: 62, isa: 0b0001 }, 'linux/amd64', 'yes'],
  [{ machine: 62, isa: 0b0101 }, 'linux/amd64', 'level'],
  [{ machine: 62, isa: 0b0101 }, 'linux/amd64/v2', 'level'],
  [{ machine: 62, isa: 0b0101 }, 'linux/amd64/v3', 'yes'],
  [{ machine: 62, isa: 0b1001 }, 'linux/amd64/v3', 'level'],
  [{ machine: 62, osabi: 9 }, 'linux/amd64', 'no'],
])('%o on %s: %s', (made, platform, runs) => {
  expect(runsOn(read(makeElf(made))!, parsePlatform(platform))).toBe(runs)
})

test('a large file is told by its parts, in pieces of any size', () => {
  const made = { machine: 62, type: 3, loader: '/lib/ld.so', needed: ['libc.so.6'], gap: 5 << 20, isa: 4 } as const
  const big = makeElf(made)
  for (const piece of [1, 7, 512, 70_000]) {
    if (piece === 1) {
      expect(scanLayer({ x: { bytes: makeElf({ ...made, gap: 0 }) } }, piece).programs[0]!.program).toEqual(
        read(makeElf({ ...made, gap: 0 })),
      )
      continue
    }
    const { loader, variant, kind } = scanLayer({ x: { bytes: big } }, piece === 7 ? 4099 : piece).programs[0]!.program!
    expect({ loader, variant, kind }).toEqual({ loader: '/lib/ld.so', variant: 'v3', kind: 'program' })
  }
})

test('the mark of Go is found wherever the pieces of a file part it', () => {
  const bytes = makeElf({ machine: 62, goBuild: 'build\tGOAMD64=v3\n', gap: 4000 })
  const mark = bytes.indexOf(' Go buildinf:') - 1
  for (let at = mark - 1; at <= mark + 16; at += 1)
    for (const next of [1, 7, 2000]) {
      const capture = createFileCapture(bytes.length)
      for (const piece of [bytes.subarray(0, at), bytes.subarray(at, at + next), bytes.subarray(at + next)])
        capture.write(piece)
      expect(readProgram(capture.bytes())?.variant, `cut at ${at - mark}, then after ${next}`).toBe('v3')
    }
})
