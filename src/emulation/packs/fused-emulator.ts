import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { XbuildError } from '../../errors.ts'
import { tempNameFor } from '../../host/files.ts'
import { runProgram } from '../../host/spawn.ts'
import type { Emulator } from '../emulators.ts'
import { fuse } from './fuse.ts'

/** The handler for this machine's CPU, which `npm run build` puts into `dist` where there is a C compiler; nothing when it is not there. */
export function findHandler(arch: string = process.arch): string | undefined {
  const file = `handler-${arch}.bin`
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let up = 0; up < 6; up++, folder = dirname(folder)) {
    for (const path of [join(folder, file), join(folder, 'dist', file)]) if (existsSync(path)) return path
  }
  return undefined
}

/**
 * The path of a QEMU with the handler before it, made once for each QEMU and handler and kept in `folder`; it was seen to start.
 * Throws HOST when this machine has no handler or the two cannot be put together.
 */
export async function fusedEmulator(emulator: Emulator, { folder, signal }: { readonly folder: string; readonly signal: AbortSignal }): Promise<string> {
  const handler = findHandler()
  if (!handler) throw new XbuildError('HOST', 'Cannot use native toolchains: this xbuild was built without the handler', { hint: 'Build xbuild where there is a C compiler: npm run build' })
  const blob = await readFile(handler)
  const key = createHash('sha256').update(JSON.stringify([1, emulator.path, emulator.size, emulator.mtime])).update(blob).digest('hex').slice(0, 16)
  const path = join(folder, 'qemu', `${emulator.architecture}-${key}`)
  const fused = fuse(await readFile(emulator.path), blob)
  // Every foreign program would start this file: it is compared, not trusted by its name
  if ((await readFile(path).catch(() => undefined))?.equals(fused)) return path
  await mkdir(dirname(path), { recursive: true })
  const temp = tempNameFor(path)
  try {
    await writeFile(temp, fused, { flag: 'wx' })
    await chmod(temp, 0o755)
    await utimes(temp, emulator.mtime / 1000, emulator.mtime / 1000)
    await runProgram(temp, ['--version'], { signal })
    await rename(temp, path)
    return path
  } finally {
    await rm(temp, { force: true })
  }
}
