import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { ExecOptions, ExecResult } from './exec.ts'
import { startProgram } from './start.ts'

/** Programs that were asked to end get this long before they are made to. Milliseconds. */
const GRACE = 2000
/** Of each stream the last bytes are kept. */
const MAX_KEPT = 4 << 20

/**
 * `exec` for a program that starts others (git and its transports): they live in a session of their own, away from
 * the terminal, and all
 * of them end when `signal` aborts or this process exits. Throws HOST when it cannot be started, CANCELED when
 * `signal` ended it.
 */
export async function execFamily(
  file: string,
  args: readonly string[],
  { signal, cwd, env }: Omit<ExecOptions, 'input'> = {},
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
  signal?.addEventListener('abort', stop, { once: true })
  process.once('exit', killAll)
  try {
    const [stdout, stderr, status] = await Promise.all([lastOf(child.stdout!), lastOf(child.stderr!), ended(child)])
    if (signal?.aborted) throw canceled(file)
    if (status instanceof Error)
      throw new XbuildError('HOST', `Cannot run "${file}": ${status.message}`, { cause: status })
    return { stdout, stderr, exitCode: status }
  } finally {
    if (signal?.aborted) killAll()
    clearTimeout(timer)
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

async function lastOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    while (size - chunks[0]!.length > MAX_KEPT) size -= chunks.shift()!.length
  }
  return Buffer.concat(chunks).toString()
}
