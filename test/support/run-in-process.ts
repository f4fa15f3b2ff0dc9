import { Readable } from 'node:stream'
import { run } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

/** What a command line left. */
export interface Left {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line of the program in this process, where a process of its own would take too long for a test. */
export async function runHere(
  argv: readonly string[],
  {
    cwd,
    env = {},
    input,
  }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string },
): Promise<Left> {
  const printed = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: false,
    on() {},
    write(text: string, done?: () => void) {
      printed[name] += text
      done?.()
    },
  })
  const terminal = {
    ...(input !== undefined && { stdin: Readable.from([Buffer.from(input)]) }),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: { PATH: process.env['PATH'], HOME: cwd, ...env },
    cwd: () => cwd,
    on() {},
    off() {},
    exit() {},
  }
  return { code: await run(argv, terminal as unknown as Terminal), ...printed }
}
