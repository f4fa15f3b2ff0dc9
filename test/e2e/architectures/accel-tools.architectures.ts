import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { accelerated } from '../support/accelerated.ts'
import { root } from '../support/places.ts'
import { toolchainBase, toolsBase } from '../support/toolchains.ts'

/* All cases of programs that are no compilers: the tests of e2e compare some of them with plain QEMU. */
const { missing, build, out, expectEqual } = await accelerated('native tools')

describe.skipIf(missing)('what tools, shells and small programs write and say, all cases', () => {
  test.each([
    [
      'accel-tools',
      '--exclude=configured',
      ['install/usr/bin/make', 'long/python/said.txt', 'long/dpkg/dpkg.txt', 'archives/tar.txt'],
    ],
    ['accel-shell', '--text', ['bash.txt', 'texts.txt', 'perl.txt', 'cmake.txt']],
  ])(
    '%s: is equal to plain QEMU',
    async (fixture, how, made) => {
      const bases = { tools: await toolsBase(), meson: await toolchainBase('meson', ['arm64']) }
      for (const mode of ['require', 'off']) {
        const to = `${fixture}-${mode}`
        const flags = ['--no-cache', '--build-arg=MESON=no', `--accel=${mode}`, '-o', `type=local,dest=${out(to)}`]
        const { code, stderr } = await build(bases, join(root, 'test/fixtures', fixture), ...flags)
        expect(code, stderr).toBe(0)
        if (mode === 'require') expect(stderr).toContain('linux/arm64 ran natively: ')
        else expect(stderr).not.toContain('ran natively')
        for (const path of made) expect(existsSync(join(out(to), path)), path).toBe(true)
      }
      await expectEqual(`${fixture}-require`, `${fixture}-off`, '--no-dereference', how)
    },
    3_600_000,
  )
})
