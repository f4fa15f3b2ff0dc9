import { Duplex } from 'node:stream'
import { compact } from '../compact.ts'
import type { XbuildError } from '../errors.ts'
import { startProgram } from './start.ts'

export interface ProgramStreamOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The error for a program that could not be started, or failed; `said` are its last lines on stderr. */
  readonly failure: (state: string, said: readonly string[]) => XbuildError
}

/** Programs that were asked to end get this long before they are made to. Milliseconds. */
const GRACE = 2000

/**
 * A program's standard input and output as one stream. It lives in a session of its own, away from the terminal, until
 * the stream is destroyed; a failure shows as the stream's error, when it ends.
 */
export function programStream(file: string, args: readonly string[], { env, failure }: ProgramStreamOptions): Duplex {
  const child = startProgram(file, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'], ...compact({ env }) })
  const [stdin, stdout] = [child.stdin!, child.stdout!]
  let said = ''
  let broken: XbuildError | undefined
  let over = false
  child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-8000)))
  const lines = () =>
    said
      .split(/\r?\n/)
      .map((line) => line.trimEnd())
      .filter(Boolean)
      .slice(-10)
  const kill = (signal: NodeJS.Signals) => {
    if (!over) child.kill(signal)
  }
  const killAtExit = () => kill('SIGKILL')
  process.once('exit', killAtExit)
  const ended = new Promise<void>((resolve) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      broken = failure(
        cause.code === 'ENOENT'
          ? `the program "${file}" is not installed`
          : `"${file}" cannot be started: ${cause.message}`,
        [],
      )
      if (child.pid === undefined) done()
    })
    child.once('close', (code, signal) => {
      if (code !== 0)
        broken ??= failure(
          code === null ? `"${file}" was ended by ${signal}` : `"${file}" ended with status ${code}`,
          lines(),
        )
      done()
    })
    function done(): void {
      over = true
      process.off('exit', killAtExit)
      resolve()
    }
  })
  const duplex = new Duplex({
    read: () => void stdout.resume(),
    write(chunk: Buffer, _encoding, callback) {
      stdin.write(chunk, (error) => void (error ? ended.then(() => callback(broken ?? error)) : callback()))
    },
    final(callback) {
      stdin.end(() => callback())
    },
    destroy(error, callback) {
      kill('SIGTERM')
      stdout.destroy() // what nobody reads would keep the program from counting as ended
      const timer = setTimeout(kill, GRACE, 'SIGKILL')
      void ended.then(() => {
        clearTimeout(timer)
        callback(error)
      })
    },
  })
  stdin.on('error', () => undefined) // a program that ends early says why on stderr
  stdout.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) stdout.pause()
  })
  void ended.then(() => {
    if (duplex.destroyed) return
    if (broken) duplex.destroy(broken)
    else duplex.push(null)
  })
  return duplex
}
