import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { exec } from '../host/exec.ts'
import { startProgram } from '../host/start.ts'
import { sudoLine } from './as-root.ts'

/** How the program is run. */
export interface ProgramOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** By sudo. */
  readonly root: boolean
  /** The program that runs it. */
  readonly node: string
  /** Told each line of stderr. */
  readonly onLine: (line: string) => void
}

/** What it came to. */
export interface ProgramEnd {
  readonly code: number
  readonly stdout: string
}

/** More than any digest, plan or answer; the rest of an image on stdout is not kept. */
const MOST_STDOUT = 50_000_000

/** Runs xbuild, which lies beside this action; SIGINT and SIGTERM are handed on to it. */
export async function runXbuild(args: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  const { cwd, env, root, node, onLine } = options
  const own = [node, join(import.meta.dirname, '../xbuild.cjs'), ...args]
  const [file, ...rest] = root ? sudoLine(own, env) : own
  const child = startProgram(file!, rest, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (signal: NodeJS.Signals): void => {
    // A process of root takes signals from root alone
    if (root) void exec('sudo', ['--non-interactive', 'kill', '-s', signal.slice(3), String(child.pid)], { env })
    else child.kill(signal)
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const out: Buffer[] = []
  let size = 0
  child.stdout!.on('data', (part: Buffer) => {
    size += part.length
    if (size <= MOST_STDOUT) out.push(part)
  })
  const lines = createInterface({ input: child.stderr! }).on('line', onLine)
  const [read, closed] = [
    once(lines, 'close'),
    new Promise<number>((resolve, reject) => {
      child.on('error', reject).on('close', (code) => resolve(code ?? 130))
    }),
  ]
  try {
    const code = await closed
    await read
    return { code, stdout: Buffer.concat(out).toString('utf8') }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

function once(emitter: NodeJS.EventEmitter, name: string): Promise<void> {
  return new Promise((resolve) => emitter.once(name, () => resolve()))
}
