import type { SpawnOptions } from 'node:child_process'
import { closeSync, constants } from 'node:fs'
import { nameOfBytes } from '../byte-name.ts'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { openSync } from './byte-files.ts'
import { childProcess } from './child-process.ts'

/** Bytes that a small program may print: what a step has made can be more than the memory holds. */
const MOST = 256 << 20

/**
 * Runs a small system program and gives back its stdout; the hot path's `exec` (execa takes 0.1 s to load, this
 * nothing). `handles` are its files from 3 on; what it prints, and `cwd`, may have names of any bytes (`byte-name.ts`),
 * `args` may not. Throws HOST with the program's last lines when it fails, or prints more than `most` bytes.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: Omit<SpawnOptions, 'cwd'> & {
    cwd?: string
    input?: string
    handles?: readonly number[]
    most?: number
  } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { input, handles = [], most = MOST, cwd, ...rest } = options
    const stdio = [input === undefined ? ('ignore' as const) : ('pipe' as const), 'pipe' as const, 'pipe' as const]
    const child = inFolder(cwd, (folder) =>
      childProcess().spawn(file, [...args], { ...rest, ...folder, stdio: [...stdio, ...handles] }),
    )
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
      else if (code === 0) resolve(nameOfBytes(Buffer.concat(out)))
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

/** Node takes text alone for a folder to start in. */
function inFolder<T>(path: string | undefined, start: (options: { readonly cwd?: string }) => T): T {
  if (path === undefined || path.isWellFormed()) return start(compact({ cwd: path }))
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return start({ cwd: `/proc/self/fd/${folder}` })
  } finally {
    closeSync(folder)
  }
}
