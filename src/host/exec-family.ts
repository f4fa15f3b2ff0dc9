import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { ExecOptions, ExecResult } from './exec.ts'
import { startProgram } from './start.ts'

/** Programs that were asked to end get this long before they are made to. Milliseconds. */
const GRACE = 2000
/** Of each stream the last bytes are kept. */
const MAX_KEPT = 4 << 20

export interface ExecFamilyOptions extends Omit<ExecOptions, 'input'> {
  /** Called now and then with the session of the programs; what it throws ends them, and is thrown. */
  readonly watch?: (session: number) => void
  /** Is told what is printed on stdout; what it throws ends them, and is thrown. */
  readonly onOutput?: (chunk: Buffer) => void
}

/** Between two calls of `watch`. Milliseconds. */
const LOOK = 100

/**
 * `exec` for a program that starts others (git and its transports): they live in a session of their own, away from
 * the terminal, and all
 * of them end when `signal` aborts or this process exits. Throws HOST when it cannot be started, CANCELED when
 * `signal` ended it.
 */
export async function execFamily(
  file: string,
  args: readonly string[],
  { signal, cwd, env, watch, onOutput }: ExecFamilyOptions = {},
): Promise<ExecResult> {
  if (signal?.aborted) throw canceled(file)
  const child = startProgram(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd ? { cwd } : {}),
    ...compact({ env }),
  })
  const end = (how: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, how)
    } catch {
      // all of them have ended
    }
  }
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    end('SIGTERM')
    timer = setTimeout(end, GRACE, 'SIGKILL')
  }
  const killAll = () => end('SIGKILL')
  let refusal: { readonly error: unknown } | undefined
  const judged =
    <T>(judge: ((of: T) => void) | undefined) =>
    (of: T) => {
      try {
        if (!refusal) judge?.(of)
      } catch (error) {
        refusal = { error }
        killAll()
      }
    }
  const look = judged(watch)
  const looks = watch && setInterval(() => child.pid !== undefined && look(child.pid), LOOK)
  signal?.addEventListener('abort', stop, { once: true })
  process.once('exit', killAll)
  try {
    const [stdout, stderr, status] = await Promise.all([
      lastOf(child.stdout!, judged(onOutput)),
      lastOf(child.stderr!),
      ended(child),
    ])
    if (signal?.aborted) throw canceled(file)
    if (refusal) throw refusal.error
    if (status instanceof Error)
      throw new XbuildError('HOST', `Cannot run "${file}": ${status.message}`, { cause: status })
    return { stdout, stderr, exitCode: status }
  } finally {
    if (signal?.aborted) killAll()
    clearTimeout(timer)
    clearInterval(looks)
    signal?.removeEventListener('abort', stop)
    process.off('exit', killAll)
  }
}

function canceled(file: string): XbuildError {
  return new XbuildError('CANCELED', `Canceled while running "${file}"`)
}

function ended(child: ReturnType<typeof startProgram>): Promise<number | Error> {
  return new Promise((resolve) =>
    child.once('error', resolve).once('close', (code, signal) => resolve(code ?? new Error(`ended by ${signal}`))),
  )
}

async function lastOf(stream: NodeJS.ReadableStream, hear?: (chunk: Buffer) => void): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hear?.(chunk)
    chunks.push(chunk)
    size += chunk.length
    while (size - chunks[0]!.length > MAX_KEPT) size -= chunks.shift()!.length
  }
  return Buffer.concat(chunks).toString()
}
