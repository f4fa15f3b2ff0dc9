import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rawName } from '../../../src/byte-name.ts'
import { root } from './places.ts'
import { run, type Ended, type RunOptions } from './xbuild.ts'
import { baseLayout } from './examples.ts'

/** What a file of a context holds, or where a symbolic link leads. */
export type Content = string | Uint8Array | { readonly link: string }

/** Writes files, by their paths, whose names may be any bytes, under a folder that is made; gives the folder back. */
export function writeFiles(folder: string, files: Readonly<Record<string, Content>>): string {
  mkdirSync(folder, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    const full = rawName(join(folder, path))
    mkdirSync(rawName(dirname(join(folder, path))), { recursive: true })
    if (typeof content === 'object' && 'link' in content) symlinkSync(rawName(content.link), full)
    else writeFileSync(full, content)
  }
  return folder
}

/** The arguments that put base images in the place of their names. */
export async function withBases(...names: readonly ('busybox' | 'gcc' | 'node')[]): Promise<string[]> {
  const layouts = await Promise.all(names.map(baseLayout))
  return names.flatMap((name, i) => ['--build-context', `${name}=oci-layout://${layouts[i]}`])
}

/** Runs one platform's image of a layout folder, as `node examples/run-image.mjs` does for everyone. */
export async function runImage(
  layout: string,
  platform: string,
  command: readonly string[] = [],
  options: RunOptions = {},
): Promise<Ended> {
  const args = [
    join(root, 'examples/run-image.mjs'),
    layout,
    platform,
    ...(command.length > 0 ? ['--', ...command] : []),
  ]
  return run(process.execPath, args, options)
}
