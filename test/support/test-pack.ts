import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ARCHITECTURES } from '../../src/emulation/architectures.ts'
import { manifestText, packDigest, type Pack, type PackManifest } from '../../src/emulation/packs/pack.ts'
import { hostTarget } from '../../src/emulation/packs/targets.ts'
import { probeProgram } from '../../src/emulation/probe-program.ts'

export const host = hostTarget()!
/** A program that runs here. */
export const program: Buffer = probeProgram(ARCHITECTURES.find(({ name }) => name === host.goarch)!)
export const NAME = 'riscv64-linux-gnu-as'

export const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** An assembler for riscv64 that runs here, as a maker of packs would have written it; `id`: a digit of its build-id. */
export function packOf(change: Partial<PackManifest> = {}, { id = 'b', version = '2.44-3' } = {}): PackManifest {
  const of = (architecture: string) => ({ name: 'binutils-riscv64-linux-gnu', version, architecture })
  return {
    format: 1,
    recipe: 'as',
    distribution: 'debian trixie',
    architecture: 'riscv64',
    host: host.debian,
    source: { name: 'binutils', version },
    packages: [of('riscv64'), of(host.debian)].map((one) => ({ ...one, sha256: 'a'.repeat(64) })),
    files: [{ path: `bin/${NAME}`, size: program.length, sha256: sha(program) }],
    twin: { id: id.repeat(40), program: `/usr/bin/${NAME}`, rules: ['skip @', `exec {pack}/bin/${NAME}`] },
    ...change,
  }
}

/** Puts a pack into a store of its own below `folder`, whatever it says. */
export function storePack(folder: string, manifest: PackManifest, content: Buffer = program): Pack {
  const digest = packDigest(manifest)
  const at = join(mkdtempSync(join(folder, 'made-')), digest)
  mkdirSync(join(at, 'bin'), { recursive: true })
  writeFileSync(join(at, 'bin', NAME), content)
  chmodSync(join(at, 'bin', NAME), 0o755)
  writeFileSync(join(at, 'manifest.json'), manifestText(manifest))
  return { manifest, digest, folder: at }
}
