import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startRegistry } from '../support/registry-debian.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { toolsBase, whyNoToolchains } from './support/toolchains.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const missing = await whyNoToolchains()
if (missing) console.warn(`Skipped: native tools in a first build: ${missing}`)

const DOCKERFILE = `FROM tools
RUN rm -f /etc/apt/sources.list.d/* && echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list && apt-get update
`

async function build(store: string, flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const base = `tools=oci-layout://${await toolsBase()}`
  const context = writeFiles(join(folder, 'first'), { Dockerfile: DOCKERFILE })
  const argv = ['--progress=plain', '--platform', 'linux/arm64', '--build-context', base, ...flags, context]
  const { code, stderr } = await xbuild(argv, { store, env })
  expect(code, stderr).toBe(0)
  return stderr
}

describe.skipIf(missing !== undefined)('the first build with an empty store', () => {
  const made = join(folder, 'empty-store')

  test('waits for the packs that it needs instead of emulating', { timeout: 600_000 }, async () => {
    const stderr = await build(made)
    expect(stderr).toContain('native toolchain, made once: apt-get')
    // It is started once: what ran emulated first could not have run natively later
    expect(stderr).toContain('linux/arm64 ran natively: apt-get (')
  })

  test('fetches them from a registry instead of making them', { timeout: 600_000 }, async () => {
    const registry = await startRegistry()
    try {
      const pushed = await xbuild(['pack', 'push', `${registry.host}/team/packs:1`], { store: made })
      expect(pushed.code, pushed.stderr).toBe(0)
      // There is no archive to make any from
      const programs = join(folder, 'programs')
      mkdirSync(programs)
      writeFileSync(join(programs, 'apt-get'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
      const env = { PATH: `${programs}:${process.env['PATH']}` }
      const stderr = await build(join(folder, 'fetching-store'), ['--packs', pushed.stdout.trim()], env)
      expect(stderr).toContain('linux/arm64 ran natively: apt-get (')
    } finally {
      await registry.stop()
    }
  })
})
