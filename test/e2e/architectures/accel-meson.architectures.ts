import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from '../support/accelerated.ts'
import { root } from '../support/places.ts'
import { toolchainBase } from '../support/toolchains.ts'

/* A project that uses much of Meson, and byte code: build files, logs, tests, what is kept for later, what is installed. */
const { missing, build, way, out, expectEqual } = await accelerated('Meson')

describe.skipIf(missing)('a project that Meson configures', () => {
  beforeAll(async () => {
    const toolchain = await toolchainBase('meson', ['arm64'])
    const context = join(root, 'test/fixtures/accel-meson')
    for (const mode of ['require', 'off']) {
      const { code, stderr } = await build({ toolchain }, context, '--no-cache', ...way(mode))
      expect(code, stderr).toBe(0)
      if (mode === 'require')
        for (const name of ['cpython', 'ninja']) expect(stderr).toContain(`linux/arm64 ran natively: ${name} (`)
    }
  }, 1_200_000)

  test('is equal file by file', async () => {
    await expectEqual('require', 'off', '--brief')
  })

  test('was built: the comparison is not one of failures', () => {
    const said = (path: string) => readFileSync(join(out('require'), path), 'utf8')
    for (const kind of ['debug', 'release']) {
      for (const log of ['setup', 'compile', 'test', 'install', 'introspect', 'again', 'configure'])
        expect(said(`logs/${kind}.${log}`)).toMatch(/status 0\n$/)
      expect(said(`logs/${kind}.test`)).toMatch(/\nOk: +1 *\nExpected Fail: +1 *\n[^]*\nSkipped: +1 *\n/)
      expect(said(`${kind}/told.h`)).toMatch(/#define MACHINE "aarch64 aarch64 little"/)
    }
    expect(said('logs/py3compile')).toBe('status 0\n')
    expect(said('code/list').split('\n').length).toBeGreaterThan(250)
  })
})
