import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { toolsBase, whyNoToolchains } from './support/toolchains.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const missing = await whyNoToolchains()
if (missing) console.warn(`Skipped: native tools in a first build: ${missing}`)

describe.skipIf(missing !== undefined)('the first build with an empty store', () => {
  test('waits for the packs that it needs instead of emulating', { timeout: 600_000 }, async () => {
    const dockerfile = `FROM tools
RUN rm -f /etc/apt/sources.list.d/* && echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list && apt-get update
`
    const { code, stderr } = await xbuild(
      [
        '--progress=plain',
        '--platform',
        'linux/arm64',
        '--build-context',
        `tools=oci-layout://${await toolsBase()}`,
        writeFiles(join(folder, 'first'), { Dockerfile: dockerfile }),
      ],
      { store: join(folder, 'empty-store') },
    )
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('native toolchain, made once: apt-get')
    // It is started once: what ran emulated first could not have run natively later
    expect(stderr).toContain('linux/arm64 ran natively: apt-get (')
  })
})
