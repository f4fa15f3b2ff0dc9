import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, tempFolder } from './support/places.ts'
import { packStore, toolsBase, whyNoToolchains } from './support/toolchains.ts'
import { run, xbuild, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const store = await packStore()
const missing = await whyNoToolchains()
if (missing) console.warn(`Skipped: native shells: ${missing}`)

const BUILDERS = ['cmake', 'make', 'ninja']
const NAMES = [...BUILDERS, 'bash', 'coreutils', 'dash', 'diffutils', 'findutils', 'grep', 'm4', 'mawk', 'perl', 'sed']

/** All cases, in three locales, take minutes under QEMU: these arguments choose among them. */
const SOME = ['--build-arg', 'EVERY=4', '--build-arg', 'LOCALES=C.UTF-8']

describe.skipIf(missing !== undefined)('shells and small programs, for emulated steps', () => {
  const outputs: Record<string, string> = {}
  const ends: Record<string, Ended> = {}
  const said = (name: string) => readFileSync(join(outputs['require']!, name), 'utf8')

  beforeAll(async () => {
    const tools = await toolsBase()
    await Promise.all(
      ['require', 'off'].map(async (mode) => {
        outputs[mode] = join(folder, mode)
        ends[mode] = await xbuild(
          [
            '--progress=plain',
            '--platform',
            'linux/arm64',
            '--build-context',
            `tools=oci-layout://${tools}`,
            `--accel=${mode}`,
            '--no-cache',
            ...SOME,
            '-o',
            `type=local,dest=${outputs[mode]}`,
            join(root, 'test/fixtures/accel-shell'),
          ],
          { store },
        )
      }),
    )
  }, 1_200_000)
  afterAll(async () => {
    await xbuild(['prune', '--force'], { store })
  })

  test('builds run them from packs', () => {
    expect(ends['require']!.code, ends['require']!.stderr).toBe(0)
    for (const name of NAMES) expect(ends['require']!.stderr).toContain(`linux/arm64 ran natively: ${name} (`)
    expect(ends['off']!.code, ends['off']!.stderr).toBe(0)
    expect(ends['off']!.stderr).not.toContain('ran natively')
  })

  test('a file that bash reads is rounded as on the CPU of the image', () => {
    expect(said('bash.txt')).toMatch(/fraction\.sh\n1\.06 1\.11\n/)
  })

  test('what they say, their statuses and their files are equal to plain QEMU', async () => {
    const { code, stdout } = await run('diff', ['--recursive', outputs['require']!, outputs['off']!])
    expect(stdout).toBe('')
    expect(code).toBe(0)
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
