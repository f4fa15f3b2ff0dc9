import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from '../support/accelerated.ts'
import { root } from '../support/places.ts'
import { goImage } from '../support/toolchains.ts'

/*
 * Modules that the command `go` builds, vets, installs, generates and runs with the Go of official images: what it
 * makes with the programs of the image's sibling is what it makes under QEMU, its build cache included.
 */
const { missing, build, way, out, expectEqual } = await accelerated("Go of an image's sibling")

describe.skipIf(missing)("modules built by Go of an image's sibling", () => {
  beforeAll(async () => {
    const golang = await goImage()
    const context = join(root, 'test/fixtures/accel-siblings')
    for (const mode of ['require', 'off']) {
      const { code, stderr } = await build({ golang }, context, `--build-arg=WAY=${mode}`, ...way(mode))
      expect(code, stderr).toBe(0)
      if (mode === 'require') expect(stderr).toContain('linux/arm64 ran natively: go-image (')
    }
  }, 3_600_000)

  test('are equal file by file', async () => {
    await expectEqual('require', 'off', '--brief')
  })

  test('were built: the comparison is not one of failures', () => {
    const said = readFileSync(join(out('require'), 'said.txt'), 'utf8')
    expect(said).toContain('go version go1.24.4 linux/arm64\narm64\narm64\n/usr/local/go/pkg/tool/linux_arm64\n')
    expect(said).toMatch(/-race requires cgo/)
    for (const line of ['kept in the program', 'made on arm64', 'dep']) expect(said).toContain(`\n${line}\n`)
    for (const program of ['embedded', 'stripped', 'generated', 'native', 'vendored', 'covered'])
      expect(readFileSync(join(out('require'), 'bin', program)).readUInt16LE(18)).toBe(0xb7)
  })
})
