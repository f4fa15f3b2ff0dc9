import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, tempFolder } from '../support/places.ts'
import { packStore, toolchainBase, whyNoToolchains } from '../support/toolchains.ts'
import { run, xbuild } from '../support/xbuild.ts'

/* A project that uses much of CMake, by three generators: caches, build files, logs, tests, what is installed, packages. */
const folder = tempFolder()
const store = await packStore()
const missing = await whyNoToolchains()
if (missing) console.warn(`Skipped: CMake: ${missing}`)

describe.skipIf(missing !== undefined)('a project that CMake configures', () => {
  const out = (mode: string) => join(folder, mode)

  beforeAll(async () => {
    const layout = await toolchainBase('cmake', ['arm64'])
    for (const mode of ['require', 'off']) {
      const { code, stderr } = await xbuild(
        [
          '--progress=plain',
          '--platform=linux/arm64',
          `--accel=${mode}`,
          '--no-cache',
          `--build-context=toolchain=oci-layout://${layout}`,
          '-o',
          `type=local,dest=${out(mode)}`,
          join(root, 'test/fixtures/accel-cmake'),
        ],
        { store },
      )
      expect(code, stderr).toBe(0)
      if (mode === 'require')
        for (const name of ['cmake', 'ninja']) expect(stderr).toContain(`linux/arm64 ran natively: ${name} (`)
    }
  }, 1_200_000)
  afterAll(async () => {
    await xbuild(['prune', '--force'], { store })
  })

  test('is equal file by file', async () => {
    const { code, stdout } = await run('diff', ['--recursive', '--brief', out('require'), out('off')])
    expect(stdout).toBe('')
    expect(code).toBe(0)
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
