import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, tempFolder } from '../support/places.ts'
import { goImage, packStore, whyNoToolchains } from '../support/toolchains.ts'
import { run, xbuild } from '../support/xbuild.ts'

/*
 * Modules that the command `go` builds, vets, installs, generates and runs with the Go of official images: what it
 * makes with the programs of the image's sibling is what it makes under QEMU, its build cache included.
 */
const folder = tempFolder()
const store = await packStore()
const missing = await whyNoToolchains()
if (missing) console.warn(`Skipped: Go of an image's sibling: ${missing}`)

describe.skipIf(missing !== undefined)("modules built by Go of an image's sibling", () => {
  const out = (mode: string) => join(folder, mode)

  beforeAll(async () => {
    const layout = await goImage()
    for (const mode of ['require', 'off']) {
      const { code, stderr } = await xbuild(
        [
          '--progress=plain',
          '--platform=linux/arm64',
          `--accel=${mode}`,
          `--build-context=golang=oci-layout://${layout}`,
          `--build-arg=WAY=${mode}`,
          '-o',
          `type=local,dest=${out(mode)}`,
          join(root, 'test/fixtures/accel-siblings'),
        ],
        { store },
      )
      expect(code, stderr).toBe(0)
      if (mode === 'require') expect(stderr).toContain('linux/arm64 ran natively: go-image (')
    }
  }, 3_600_000)
  afterAll(async () => {
    await xbuild(['prune', '--force'], { store })
  })

  test('are equal file by file', async () => {
    const { code, stdout } = await run('diff', ['--recursive', '--brief', out('require'), out('off')])
    expect(stdout).toBe('')
    expect(code).toBe(0)
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
