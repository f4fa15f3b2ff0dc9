import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ARCHITECTURES } from '../../../src/emulation/architectures.ts'
import { parsePlatform } from '../../../src/platform.ts'
import { accelerated } from '../support/accelerated.ts'
import { root } from '../support/places.ts'
import { toolchainBase } from '../support/toolchains.ts'
import type { Ended } from '../support/xbuild.ts'

/*
 * The projects of `accel.e2e.ts` and `accel-go.e2e.ts` on every architecture that packs are made for. What is equal
 * file by file proves little
 * where nobody looked who compiled it: each compiler is looked at while it runs.
 */
const GCC = ['gcc@14', 'g++@14', 'cc1@14', 'cc1plus@14']
const GO = ['go-compile@1.24', 'go-asm@1.24', 'go-link@1.24', 'go-cgo@1.24']

/** Debian's name, and whether link-time optimization, the assembler, and what makes archives have twins there. */
const PLATFORMS = [
  { platform: 'linux/arm64', debian: 'arm64', optimizer: true, assembler: true, archiver: true },
  { platform: 'linux/riscv64', debian: 'riscv64', optimizer: true, assembler: true, archiver: true },
  { platform: 'linux/ppc64le', debian: 'ppc64el', optimizer: true, assembler: true, archiver: true },
  { platform: 'linux/s390x', debian: 's390x', optimizer: false, assembler: true, archiver: false },
  { platform: 'linux/arm/v7', debian: 'armhf', optimizer: false, assembler: false, archiver: false },
]

const wayOf = (twin: boolean) => (twin ? 'native' : 'emulated')

const { missing, ...native } = await accelerated('native toolchains')

describe.skipIf(missing)('native toolchains', () => {
  describe.each(PLATFORMS)('on $debian', ({ platform, debian, optimizer, assembler, archiver }) => {
    const { architecture } = parsePlatform(platform)
    const machine = ARCHITECTURES.find(({ name }) => name === architecture)!

    describe.each([
      {
        base: 'toolchain',
        fixture: 'accel',
        packs: [
          ...GCC,
          ...(optimizer ? ['lto1@14'] : []),
          ...(assembler ? ['as'] : []),
          ...(archiver ? ['ar', 'ranlib'] : []),
        ],
        programs: ['debug', 'macros', 'hardened', 'static', 'lto', 'vectors', 'switches'].map(
          (name) => `${name}/program`,
        ),
      },
      {
        base: 'golang',
        fixture: 'accel-go',
        packs: [...GO, 'gcc@14', 'cc1@14', ...(assembler ? ['as'] : [])],
        programs: ['plain', 'stripped', 'mixed'],
      },
    ])('the project $fixture', ({ base, fixture, packs, programs }) => {
      const context = join(root, 'test/fixtures', fixture)
      const named = (mode: string) => `${debian}-${fixture}-${mode}`
      const out = (mode: string) => native.out(named(mode))
      const ends: Record<string, Ended> = {}
      let layout: string
      const build = (...args: string[]) =>
        native.build({ [base]: layout, busybox: layout }, context, `--platform=${platform}`, ...args)

      beforeAll(async () => {
        layout = await toolchainBase(base, [debian])
        await native.makePacks('--platform', platform, ...packs)
        // One after the other: what one puts into the cache is not to be the other's
        for (const mode of ['auto', 'off'])
          ends[mode] = await build(`--accel=${mode}`, '--no-cache', '-o', `type=local,dest=${out(mode)}`)
      }, 3_600_000)

      test('compilers run from packs, but for what would not be the same bytes', async () => {
        const { code, stderr } = await build(
          '--file',
          join(context, 'who.Dockerfile'),
          '--build-context',
          `who=${join(root, 'test/fixtures/who')}`,
          '--no-cache',
        )
        expect(code, stderr).toBe(0)
        const who = Object.fromEntries(
          [...stderr.matchAll(/^#\d+ [\d.]+ ([\w+-]+): (native|emulated)$/gm)].map(([, name, way]) => [name!, way!]),
        )
        expect(who).toEqual(
          base === 'golang'
            ? { 'go-compile': 'native', 'go-asm': 'native', 'go-link': 'native', 'go-cgo': 'native' }
            : {
                gcc: 'native',
                'g++': 'native',
                ar: wayOf(archiver),
                cc1: 'native',
                cc1plus: 'native',
                as: wayOf(assembler),
                'cc1-lto': wayOf(optimizer),
                lto1: wayOf(optimizer),
              },
        )
      }, 600_000)

      test('what they write is equal to plain QEMU file by file', async () => {
        for (const mode of ['auto', 'off']) expect(ends[mode]!.code, ends[mode]!.stderr).toBe(0)
        expect(ends['off']!.stderr).not.toContain('ran natively')
        await native.expectEqual(named('auto'), named('off'), '--brief')
      })

      test('programs were built and ran: the comparison is not one of failures', () => {
        for (const name of programs) {
          const header = readFileSync(join(out('auto'), name))
          expect(machine.endian === 'little' ? header.readUInt16LE(18) : header.readUInt16BE(18), name).toBe(
            machine.machine,
          )
        }
        const said = programs.map((name) => join(out('auto'), name, '../said.txt')).filter((path) => existsSync(path))
        for (const path of said)
          expect(readFileSync(path, 'utf8'), path).toMatch(
            /program \/src\/numbers\.c \d+\.\d+\nstatus 0\n$|^3 true\n3 true\n2 true\n$/,
          )
        expect(said.length).toBe(programs.length)
        expect(readdirSync(out('auto'), { recursive: true }).length).toBeGreaterThan(10)
      })
    })
  })
})
