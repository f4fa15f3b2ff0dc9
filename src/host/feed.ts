import { childProcess } from './child-process.ts'
import { pipeline } from 'node:stream/promises'
import { XbuildError } from '../errors.ts'

/**
 * Runs a program with a stream as its standard input. Throws HOST with its last lines when it fails, or what the
 * stream threw.
 */
export async function feed(
  file: string,
  args: readonly string[],
  options: { readonly input: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
): Promise<void> {
  options.signal.throwIfAborted()
  const child = childProcess().spawn(file, [...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-8000)))
  const ended = new Promise<number | Error>((resolve) => {
    child.once('error', resolve)
    child.once('close', (code, signal) => resolve(code ?? new Error(`ended by ${signal}`)))
  })
  const failures: unknown[] = []
  async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* options.input
    } catch (error) {
      failures.push(error)
      throw error
    }
  }
  await pipeline(watched(), child.stdin, { signal: options.signal }).catch((error: unknown) => {
    if (options.signal.aborted) failures.push(error)
    if (failures.length > 0) child.kill()
    // Else the program ended before its input did, in one of many error codes; its own words and status say more
  })
  const status = await ended
  if (failures.length > 0) throw failures[0]
  if (status instanceof Error)
    throw new XbuildError('HOST', `Cannot run "${file}": ${status.message}`, { cause: status })
  if (status !== 0) {
    throw new XbuildError('HOST', `Cannot run "${file}": exit status ${status}`, {
      output: said.trimEnd().split('\n').slice(-10),
    })
  }
}
