import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from './support/accelerated.ts'
import { root } from './support/places.ts'
import { toolsBase } from './support/toolchains.ts'
import type { Ended } from './support/xbuild.ts'

const { missing, build, way, out, expectEqual } = await accelerated('native shells')

const BUILDERS = ['cmake', 'make', 'ninja']
const NAMES = [...BUILDERS, 'bash', 'coreutils', 'dash', 'diffutils', 'findutils', 'grep', 'm4', 'mawk', 'perl', 'sed']

/** All cases, in three locales, take minutes under QEMU: these arguments choose among them. */
const SOME = ['--build-arg=EVERY=4', '--build-arg=LOCALES=C.UTF-8']

describe.skipIf(missing)('shells and small programs, for emulated steps', () => {
  const ends: Record<string, Ended> = {}
  const said = (name: string) => readFileSync(join(out('require'), name), 'utf8')

  beforeAll(async () => {
    const tools = await toolsBase()
    const context = join(root, 'test/fixtures/accel-shell')
    await Promise.all(
      ['require', 'off'].map(async (mode) => {
        const less = mode === 'off' ? ['--build-arg=LONG=no'] : []
        ends[mode] = await build({ tools }, context, '--no-cache', ...SOME, ...less, ...way(mode))
      }),
    )
  }, 1_200_000)

  test('builds run them from packs', () => {
    expect(ends['require']!.code, ends['require']!.stderr).toBe(0)
    for (const name of NAMES) expect(ends['require']!.stderr).toContain(`linux/arm64 ran natively: ${name} (`)
    expect(ends['off']!.code, ends['off']!.stderr).toBe(0)
    expect(ends['off']!.stderr).not.toContain('ran natively')
  })

  test('a file that bash reads is rounded as on the CPU of the image', () => {
    expect(said('bash.txt')).toMatch(/fraction\.sh\n1\.06 1\.11\n/)
  })

  // That what CMake and Ninja say is, too, the tests of architectures say
  test('what they say, their statuses and their files are equal to plain QEMU', async () => {
    await expectEqual('require', 'off', '--exclude=cmake.txt')
  })

  test('the work itself was done: the comparison is not one of failures', () => {
    expect(said('dash.txt')).toMatch(/^status 0$/m)
    expect(said('bash.txt')).toMatch(/^\/root \/root \/nonexistent ~nonsense$/m)
    expect(said('perl.txt')).toMatch(/^\* own\/word: from outside$/m)
    expect(said('cmake.txt')).toMatch(/aarch64![^]*Built target target30\n[^]*50% tests passed/)
    expect(said('files.txt').split('\n').length).toBeGreaterThan(100)
    expect(said('make.txt')).toMatch(
      /^aarch64-unknown-linux-gnu 4\.[^\n]*\naarch64 a b ä [^]*nested 1\n0\n[^]*nowhere\.c[^]*\n2\n$/,
    )
  })
})
