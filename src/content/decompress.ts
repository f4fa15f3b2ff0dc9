import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { once } from 'node:events'
import { basename } from 'node:path'
import { XbuildError } from '../errors.ts'
import { startProgram } from '../host/start.ts'

const GZIP = Buffer.from([0x1f, 0x8b])
/** Formats that Node cannot read, by their first bytes. */
const PROGRAMS: readonly { readonly name: string; readonly magic: Buffer; readonly package: string }[] = [
  { name: 'zstd', magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), package: 'zstd' },
  { name: 'xz', magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), package: 'xz-utils' },
  { name: 'bzip2', magic: Buffer.from('BZh'), package: 'bzip2' },
]
/** Zstandard data may begin with a frame of something else: fifteen such numbers, which differ in their first byte. */
const SKIPPABLE = Buffer.from([0x2a, 0x4d, 0x18])
/** Bytes that a file may make its program take; xz -9 needs 65 MiB, zstd --ultra -22 needs 128 MiB. */
const MEMORY = 512 << 20
const LIMITS: Readonly<Record<string, readonly string[]>> = {
  xz: [`--memlimit-decompress=${MEMORY}`],
  zstd: [`--memory=${MEMORY}`],
}
/** Bytes read at a time. */
const CHUNK = 1 << 20

/** A good file that would take more memory than any file may. */
export class TooHungryError extends XbuildError {}

/**
 * The plain bytes of a file that may be packed with gzip, zstd, xz or bzip2, told by its first bytes. Whoever stops
 * early leaves nothing open. Messages call it `name`. Throws BAD_IMAGE for damaged data, HOST when a program is
 * missing.
 */
export async function* decompress(
  file: string,
  name: string = basename(file),
): AsyncGenerator<Buffer, void, undefined> {
  const head = firstBytes(file, 6)
  const isSkippable = (head[0]! & 0xf0) === 0x50 && head.subarray(1, 4).equals(SKIPPABLE)
  const program = PROGRAMS.find(
    ({ name: of, magic }) => head.subarray(0, magic.length).equals(magic) || (of === 'zstd' && isSkippable),
  )
  if (head.subarray(0, 2).equals(GZIP)) yield* gunzip(file, name)
  else if (program) yield* viaProgram(file, program, name)
  else yield* createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>
}

function firstBytes(file: string, count: number): Buffer {
  const head = Buffer.alloc(count)
  const fd = openSync(file, 'r')
  try {
    return head.subarray(0, readSync(fd, head, 0, count, 0))
  } finally {
    closeSync(fd)
  }
}

async function* gunzip(file: string, name: string): AsyncGenerator<Buffer, void, undefined> {
  const input = createReadStream(file, { highWaterMark: CHUNK })
  const plain = process.getBuiltinModule('node:zlib').createGunzip({ chunkSize: CHUNK >> 2 })
  input.once('error', (error) => plain.destroy(error))
  try {
    yield* input.pipe(plain) as AsyncIterable<Buffer>
  } catch (cause) {
    if (!String((cause as NodeJS.ErrnoException).code).startsWith('Z_')) throw cause
    throw damaged(name, (cause as Error).message, cause)
  } finally {
    plain.destroy()
    input.destroy()
    if (!input.closed) await once(input, 'close')
  }
}

async function* viaProgram(
  file: string,
  program: (typeof PROGRAMS)[number],
  name: string,
): AsyncGenerator<Buffer, void, undefined> {
  const input = openSync(file, 'r')
  const child = startProgram(program.name, ['--decompress', '--stdout', ...(LIMITS[program.name] ?? [])], {
    stdio: [input, 'pipe', 'pipe'],
  })
  closeSync(input)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-500)))
  const ended = new Promise<number | Error>((resolve) =>
    child.once('error', resolve).once('close', (code) => resolve(code ?? 1)),
  )
  try {
    // A program that cannot be started breaks its streams; the reason comes from `ended`.
    yield* untilBroken(child.stdout as AsyncIterable<Buffer> | null)
    const status = await ended
    if (status instanceof Error) {
      throw new XbuildError('HOST', `Cannot unpack "${name}": the program "${program.name}" cannot be started`, {
        cause: status,
        hint: `Install ${program.name} (Debian, Ubuntu: apt-get install ${program.package})`,
      })
    }
    if (status !== 0 && /memory usage limit|too much memory/i.test(said)) {
      throw new TooHungryError(
        'BAD_IMAGE',
        `Cannot unpack "${name}": ${program.name} would need more than ${MEMORY >> 20} MiB of memory for it`,
        {
          hint: 'Compress it with a smaller dictionary or window. Check where it comes from: such a file can be an attack',
        },
      )
    }
    if (status !== 0)
      throw damaged(name, said.trim().split('\n').at(-1) || `${program.name} ended with status ${status}`)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

async function* untilBroken(stream: AsyncIterable<Buffer> | null): AsyncGenerator<Buffer, void, undefined> {
  try {
    if (stream) yield* stream
  } catch {
    // told by the program's end
  }
}

function damaged(name: string, state: string, cause?: unknown): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot unpack "${name}": ${state}`, {
    cause,
    hint: 'The file is damaged: make or fetch it again',
  })
}
