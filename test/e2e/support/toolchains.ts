import { cpSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { findHandler } from '../../../src/emulation/packs/fused-emulator.ts'
import { hasPrivateBinfmt } from '../../../src/emulation/namespace-errors.ts'
import { importExamples } from './examples.ts'
import { root } from './places.ts'
import { inTurn, takeTurn } from './turns.ts'
import { xbuild } from './xbuild.ts'

interface Bases {
  toolchainBase(name: string, architectures?: readonly string[]): Promise<string>
}

/** The OCI layout of a base image with compilers, made at first use. */
export async function toolchainBase(name: string, architectures?: readonly string[]): Promise<string> {
  return ((await import(join(root, 'test/support/toolchain-base.mjs'))) as Bases).toolchainBase(name, architectures)
}

/** The OCI layout of a base image with apt, Python and compressors, made at first use. */
export async function toolsBase(): Promise<string> {
  return ((await import(join(root, 'test/support/tools-base.mjs'))) as { toolsBase(): Promise<string> }).toolsBase()
}

/** The OCI layout of an image for linux/arm64 and linux/amd64 with Go as official images have it, made at first use. */
export async function goImage(): Promise<string> {
  return (
    (await import(join(root, 'test/support/go-image-base.mjs'))) as { goImageBase(): Promise<string> }
  ).goImageBase()
}

/** The OCI layout of an image for linux/arm64 and linux/amd64 with Node as official images have it, made at first use. */
export async function nodeImage(): Promise<string> {
  return (
    (await import(join(root, 'test/support/node-image-base.mjs'))) as { nodeImageBase(): Promise<string> }
  ).nodeImageBase()
}

/**
 * A store that is kept from run to run for its packs, which come from the archive; tests remove everything else in
 * it. It is the calling file's alone until its tests are over. Call it at the top level.
 */
export async function packStore(): Promise<string> {
  const end = await takeTurn(PACKS)
  afterAll(end)
  return keptStore()
}

/** Copies the packs of that store to `store`, made with `xbuild pack build` where one of `names` is missing. */
export async function copyPacks(names: readonly string[], store: string): Promise<void> {
  await inTurn(PACKS, async () => {
    const kept = await keptStore()
    const listed = await xbuild(['pack', 'ls'], { store: kept })
    if (!names.every((name) => listed.stdout.includes(` ${name.split('@')[0]!} (`))) {
      const { code, stderr } = await xbuild(['pack', 'build', ...names], { store: kept })
      if (code !== 0) throw new Error(stderr)
    }
    cpSync(join(kept, 'packs'), join(store, 'packs'), { recursive: true })
  })
}

/** The turn of who uses the kept store. */
const PACKS = 'packs'

async function keptStore(): Promise<string> {
  const { cache } = (await import(join(root, 'examples/setup/places.mjs'))) as { cache: string }
  return join(cache, 'accel-store')
}

/** Why native toolchains cannot be tested on this machine; nothing where they can. */
export async function whyNoToolchains(): Promise<string | undefined> {
  if (process.arch !== 'x64') return 'they are tested on amd64'
  if (!hasPrivateBinfmt(release())) return `Linux ${release()} is older than 6.7`
  const { findProgram } = await importExamples()
  for (const name of ['apt-get', 'dpkg-deb', 'cc', 'ld', 'objcopy'])
    if (!findProgram(name)) return `there is no ${name}`
  return findHandler() ? undefined : 'dist has no handler'
}
