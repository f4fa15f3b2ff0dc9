import { open, readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { compact } from '../../compact.ts'
import { exists } from '../../host/files.ts'
import { emulatorVersion } from '../emulators.ts'

/** What lies at the path of an interpreter. */
export interface Interpreter {
  readonly path: string
  readonly exists: boolean
  /** Of QEMU, when it says so. */
  readonly version?: string
  /** Linked to one address in memory. */
  readonly fixedAddress: boolean
  /** The handler that starts native twins is before it. */
  readonly handler?: true
}

const ET_EXEC = 2

/** Looks at an interpreter and asks it for its version. */
export async function describeInterpreter(
  path: string,
  options: { readonly signal: AbortSignal },
): Promise<Interpreter> {
  if (!(await exists(path))) return { path, exists: false, fixedAddress: false }
  // By its own name: Debian's links end in -binfmt-P, and then it takes what follows for a program
  const real = await realpath(path)
  const version = await emulatorVersion(real, options).catch(() => undefined)
  return {
    path,
    exists: true,
    fixedAddress: (await elfType(real)) === ET_EXEC,
    ...((await hasHandler(real)) ? { handler: true as const } : {}),
    ...compact({ version }),
  }
}

/** Whether a program ends in the handler: its last bytes name the folder where that looks. */
async function hasHandler(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (!file) return false
  try {
    const tail = Buffer.alloc(16_384)
    const { bytesRead } = await file.read(tail, 0, tail.length, Math.max(0, (await file.stat()).size - tail.length))
    return tail.subarray(0, bytesRead).includes('/dev/.xbuild/step/')
  } finally {
    await file.close()
  }
}

/** `e_type` of an ELF file of this machine's byte order; undefined for anything else. */
async function elfType(path: string): Promise<number | undefined> {
  const file = await open(path).catch(() => undefined)
  if (!file) return undefined
  try {
    const head = Buffer.alloc(18)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    if (bytesRead < head.length || head.readUInt32BE(0) !== 0x7f454c46) return undefined
    return head[5] === 1 ? head.readUInt16LE(16) : head.readUInt16BE(16)
  } finally {
    await file.close()
  }
}

/** Formats of Debian's binfmt-support that are enabled at boot, by name. */
export async function readFormats(): Promise<ReadonlyMap<string, string>> {
  const folder = '/var/lib/binfmts'
  const names = await readdir(folder).catch(() => [])
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')))
  return new Map(names.flatMap((name, index) => (texts[index] === '' ? [] : [[name, join(folder, name)] as const])))
}
