import { chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from '../../host/files.ts'
import { readElfFile } from './elf.ts'
import { findFile } from './pair.ts'
import type { PackTarget } from './targets.ts'

/**
 * Puts every library that a module needs, and those which they need, out of unpacked packages into a pack, unless they
 * are there. Gives back whether all are.
 */
export async function addLibraries(
  module: string,
  { roots, made, host }: { readonly roots: readonly string[]; readonly made: string; readonly host: PackTarget },
): Promise<boolean> {
  for (const name of readElfFile(module)?.needed ?? []) {
    const copy = join(made, 'lib', name)
    if (await exists(copy)) continue
    const library = await findFile(roots, [`usr/lib/${host.triple}/${name}`, `lib/${host.triple}/${name}`])
    if (!library || !(await addLibraries(library, { roots, made, host }))) return false
    await copyFile(library, copy)
    await chmod(copy, 0o644)
  }
  return true
}
