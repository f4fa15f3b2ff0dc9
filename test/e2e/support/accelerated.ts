import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { tempFolder } from './places.ts'
import { packStore, whyNoToolchains } from './toolchains.ts'
import { run, xbuild, type Ended } from './xbuild.ts'

/** Builds with native twins and without, side by side. */
export interface Accelerated {
  /** This machine cannot try them. */
  readonly missing: boolean
  readonly folder: string
  /** Its packs are kept from run to run, everything else in it is removed. */
  readonly store: string
  /** Builds a context for linux/arm64, or as more flags say; `bases` are OCI layouts by the name of their context. */
  build(bases: Readonly<Record<string, string>>, context: string, ...flags: readonly string[]): Promise<Ended>
  /** Flags of a build with `--accel=MODE` that writes the files of its image to `out(MODE)`. */
  way(mode: string): readonly string[]
  out(mode: string): string
  /** Makes packs, for linux/arm64 or as flags before them say. */
  makePacks(...names: readonly string[]): Promise<void>
  /** The files that two builds wrote are equal, names and bytes. */
  expectEqual(one: string, other: string, ...flags: readonly string[]): Promise<void>
}

/** Call it at the top level of a file, with what is skipped where this machine lacks something. */
export async function accelerated(what: string): Promise<Accelerated> {
  const folder = tempFolder()
  const store = await packStore()
  const why = await whyNoToolchains()
  if (why) console.warn(`Skipped: ${what}: ${why}`)
  else
    afterAll(async () => {
      await xbuild(['prune', '--force'], { store })
    })
  const out = (mode: string) => join(folder, mode)
  return {
    missing: why !== undefined,
    folder,
    store,
    out,
    way: (mode) => [`--accel=${mode}`, '-o', `type=local,dest=${out(mode)}`],
    build: (bases, context, ...flags) => {
      const platform = flags.some((flag) => flag.startsWith('--platform=')) ? [] : ['--platform=linux/arm64']
      const contexts = Object.entries(bases).map(([name, layout]) => `--build-context=${name}=oci-layout://${layout}`)
      return xbuild(['--progress=plain', ...platform, ...contexts, ...flags, context], { store })
    },
    makePacks: async (...names) => {
      const { code, stderr } = await xbuild(['pack', 'build', ...names], { store })
      expect(code, stderr).toBe(0)
    },
    expectEqual: async (one, other, ...flags) => {
      const { code, stdout } = await run('diff', ['--recursive', ...flags, out(one), out(other)])
      expect(stdout).toBe('')
      expect(code).toBe(0)
    },
  }
}
