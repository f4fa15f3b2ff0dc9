import { open, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { findProgram } from '../host/files.ts'
import { runProgram } from '../host/spawn.ts'
import { ARCHITECTURES, type Architecture } from './architectures.ts'

/** A program of this machine that runs the programs of another architecture. */
export interface Emulator {
  /** GOARCH of what it runs. */
  readonly architecture: string
  /** Full path. */
  readonly path: string
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly mtime: number
  /** Whether it needs no loader: a dynamically linked one cannot start inside another image's root file system. */
  readonly static: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The QEMU user-mode programs on PATH, at most one per architecture, a static one if there is one; none is run. */
export async function findEmulators(
  env: Environment,
  architectures: readonly Architecture[] = ARCHITECTURES,
): Promise<Emulator[]> {
  const found = await Promise.all(architectures.map((architecture) => findEmulator(architecture, env)))
  return found.filter((emulator) => emulator !== undefined)
}

async function findEmulator({ name, qemu }: Architecture, env: Environment): Promise<Emulator | undefined> {
  let dynamic: Emulator | undefined
  for (const program of [`${qemu}-static`, qemu]) {
    const path = await findProgram(program, env['PATH'] ?? '')
    const emulator = path && (await describe(name, resolve(path)))
    if (!emulator) continue
    if (emulator.static) return emulator
    dynamic ??= emulator
  }
  return dynamic
}

async function describe(architecture: string, path: string): Promise<Emulator | undefined> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { architecture, path, size, mtime: Math.trunc(mtimeMs), static: await isStaticElf(path) }
  } catch {
    return undefined // gone or unreadable since PATH was searched: as if it were not there
  }
}

/** Whether a file is an ELF program without PT_INTERP: one that the kernel starts without a loader. */
async function isStaticElf(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const head = Buffer.alloc(4096)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    return hasNoInterpreter(head.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

const PT_INTERP = 3

/** The same for the first bytes of a file; false for what is not a whole ELF header with its program headers. */
export function hasNoInterpreter(head: Buffer): boolean {
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) return false
  const little = head[5] === 1
  const half = (offset: number) => (little ? head.readUInt16LE(offset) : head.readUInt16BE(offset))
  const word = (offset: number) => (little ? head.readUInt32LE(offset) : head.readUInt32BE(offset))
  const wide = head[4] === 2
  const table = wide ? word(little ? 32 : 36) : word(28)
  const [size, count] = wide ? [half(54), half(56)] : [half(42), half(44)]
  if (count === 0 || size < 32 || table + size * count > head.length) return false
  return Array.from({ length: count }, (_, index) => word(table + index * size)).every((type) => type !== PT_INTERP)
}

/** What the emulator calls itself, like `qemu-aarch64-static 7.2.22`; its name alone when it does not say. Runs it. */
export async function emulatorName(emulator: Emulator, options: { signal: AbortSignal }): Promise<string> {
  const name = basename(emulator.path)
  const version = await emulatorVersion(emulator.path, options)
  return version ? `${name} ${version}` : name
}

/** The version that an emulator says it is, like `7.2.22`. Runs it, and throws HOST when that fails. */
export async function emulatorVersion(path: string, options: { signal: AbortSignal }): Promise<string | undefined> {
  const said = await runProgram(path, ['--version'], options)
  return /version ([0-9][0-9.]{0,20})/.exec(said)?.[1]
}
