import { constants, existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, open, readFile, rename, rm, utimes, type FileHandle } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { XbuildError } from '../../errors.ts'
import { tempNameFor } from '../../host/files.ts'
import { runProgram } from '../../host/spawn.ts'
import type { Emulator } from '../emulators.ts'
import { fuse, HEAD, type Fusion } from './fuse.ts'

/**
 * The handler for this machine's CPU, which `npm run build` puts into `dist` where there is a C compiler; nothing
 * when it is not there.
 */
export function findHandler(arch: string = process.arch): string | undefined {
  return findBuilt(`handler-${arch}.bin`)
}

/** A file that `npm run build` puts into `dist`. */
export function findBuilt(file: string): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let up = 0; up < 6; up++, folder = dirname(folder)) {
    for (const path of [join(folder, file), join(folder, 'dist', file)]) if (existsSync(path)) return path
  }
  return undefined
}

/**
 * The path of a QEMU with the handler before it, made once for each QEMU and handler and kept in `folder`; it was seen
 * to start. Throws HOST when this machine has no handler or the two cannot be put together.
 */
export async function fusedEmulator(
  emulator: Emulator,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<string> {
  const handler = findHandler()
  if (!handler)
    throw new XbuildError('HOST', 'Cannot use native toolchains: this xbuild was built without the handler', {
      hint: 'Build xbuild where there is a C compiler: npm run build',
    })
  const blob = await readFile(handler)
  const key = createHash('sha256')
    .update(JSON.stringify([1, emulator.path, emulator.size, emulator.mtime]))
    .update(blob)
    .digest('hex')
    .slice(0, 16)
  const path = join(folder, 'qemu', `${emulator.architecture}-${key}`)
  const qemu = await open(emulator.path)
  const temp = tempNameFor(path)
  try {
    const { size } = await qemu.stat()
    const head = Buffer.alloc(Math.min(HEAD, size))
    await qemu.read(head, 0, head.length, 0)
    const fusion = fuse(head, size, blob)
    // Every foreign program would start this file: it is compared, not trusted by its name
    if (await isFused(path, qemu, size, fusion)) return path
    await mkdir(dirname(path), { recursive: true })
    await copyFile(emulator.path, temp, constants.COPYFILE_EXCL)
    await chmod(temp, 0o755)
    await writeAt(temp, [
      [fusion.head, 0],
      [fusion.tail, size],
    ])
    await utimes(temp, emulator.mtime / 1000, emulator.mtime / 1000)
    await runProgram(temp, ['--version'], { signal })
    await rename(temp, path)
    return path
  } finally {
    await qemu.close()
    await rm(temp, { force: true })
  }
}

async function writeAt(path: string, pieces: readonly (readonly [Buffer, number])[]): Promise<void> {
  const file = await open(path, 'r+')
  try {
    for (const [bytes, position] of pieces) await file.write(bytes, 0, bytes.length, position)
  } finally {
    await file.close()
  }
}

const PIECE = 1 << 20

/**
 * Whether the file is that QEMU with that handler, to the last byte; read in pieces, for there is one for each
 * architecture.
 */
async function isFused(path: string, qemu: FileHandle, size: number, { head, tail }: Fusion): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (!file) return false
  try {
    if ((await file.stat()).size !== size + tail.length) return false
    const [one, other] = [Buffer.alloc(PIECE), Buffer.alloc(PIECE)]
    for (let at = 0; at < size; at += PIECE) {
      const length = Math.min(PIECE, size - at)
      await Promise.all([qemu.read(one, 0, length, at), file.read(other, 0, length, at)])
      if (at === 0) head.copy(one)
      if (one.compare(other, 0, length, 0, length) !== 0) return false
    }
    const { bytesRead } = await file.read(one, 0, tail.length, size)
    return bytesRead === tail.length && one.compare(tail, 0, tail.length, 0, tail.length) === 0
  } finally {
    await file.close()
  }
}
