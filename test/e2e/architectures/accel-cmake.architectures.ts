import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from '../support/accelerated.ts'
import { root } from '../support/places.ts'
import { toolchainBase } from '../support/toolchains.ts'

/* A project that uses much of CMake, by three generators: caches, build files, logs, tests, what is installed, packages. */
const { missing, build, way, out, expectEqual } = await accelerated('CMake')

describe.skipIf(missing)('a project that CMake configures', () => {
  beforeAll(async () => {
    const toolchain = await toolchainBase('cmake', ['arm64'])
    const context = join(root, 'test/fixtures/accel-cmake')
    for (const mode of ['require', 'off']) {
      const { code, stderr } = await build({ toolchain }, context, '--no-cache', ...way(mode))
      expect(code, stderr).toBe(0)
      if (mode === 'require')
        for (const name of ['cmake', 'ninja']) expect(stderr).toContain(`linux/arm64 ran natively: ${name} (`)
    }
  }, 1_200_000)

  test('is equal file by file', async () => {
    await expectEqual('require', 'off', '--brief')
  })

  test('was built: the comparison is not one of failures', () => {
    for (const generator of ['UnixMakefiles', 'Ninja', 'NinjaMulti-Config']) {
      const said = (log: string) => readFileSync(join(out('require'), 'logs', `${generator}.${log}`), 'utf8')
      for (const log of ['configure', 'build', 'install']) expect(said(log)).toMatch(/\nstatus 0\n$/)
      expect(said('test')).toMatch(/\n33% tests passed, 2 tests failed out of 3\n/)
      expect(readFileSync(join(out('require'), generator, 'all.txt'), 'utf8')).toMatch(/^Linux[^\n]* aarch64 aarch64 /)
    }
  })
})
