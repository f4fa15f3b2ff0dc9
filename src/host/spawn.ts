import { childProcess } from './child-process.ts'
import type { SpawnOptions } from 'node:child_process'
import { XbuildError } from '../errors.ts'

/** Bytes that a small program may print: what a step has made can be more than the memory holds. */
const MOST = 256 << 20

/**
 * Runs a small system program and gives back its stdout; the hot path's `exec` (execa takes 0.1 s to load, this
 * nothing). `handles` are its files from 3 on. Throws HOST with the program's last lines when it fails, or prints more
 * than `most` bytes.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string; handles?: readonly number[]; most?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { input, handles = [], most = MOST, ...rest } = options
    const child = childProcess().spawn(file, [...args], {
      ...rest,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...handles],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    let printed = 0
    const keep = (where: Buffer[]) => (chunk: Buffer) => {
      printed += chunk.length
      if (printed <= most) where.push(chunk)
      else child.kill('SIGKILL')
    }
    child.stdout!.on('data', keep(out))
    child.stderr!.on('data', keep(err))
    child.stdin?.on('error', () => undefined) // a program that ends early says why on stderr
    child.stdin?.end(input)
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const isMissing = cause.code === 'ENOENT'
      reject(
        new XbuildError('HOST', `Cannot run "${file}": ${isMissing ? 'it is not installed' : cause.message}`, {
          cause,
          ...(isMissing ? { hint: `Install the program "${file}"`, facts: { missing: 'program' } } : {}),
        }),
      )
    })
    child.once('close', (code, signal) => {
      if (printed > most)
        reject(
          new XbuildError('HOST', `Cannot take what "${file}" prints: it is more than ${most} bytes`, {
            facts: { limit: 'output' },
          }),
        )
      else if (code === 0) resolve(Buffer.concat(out).toString())
      else {
        const output = Buffer.concat(err).toString().trimEnd().split('\n').slice(-10)
        reject(
          new XbuildError(
            'HOST',
            `Cannot run "${[file, ...args].join(' ').slice(0, 300)}": ${code === null ? `ended by ${signal}` : `exit status ${code}`}`,
            { output },
          ),
        )
      }
    })
  })
}
