import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'

/** How a program is run; `env` replaces the environment when given. */
export interface ExecOptions {
  readonly signal?: AbortSignal
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface ExecResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

/**
 * Runs a program to its end and gives back what it printed, whatever its status was.
 * Throws HOST when it cannot be started, CANCELED when `signal` ended it.
 */
export async function exec(file: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { execa } = await import('execa') // loaded late: a build with nothing to run starts no program
  const result = await execa(file, [...args], {
    reject: false,
    stripFinalNewline: false,
    ...compact({ cancelSignal: options.signal }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.env ? { env: options.env as Record<string, string>, extendEnv: false } : {}),
  })
  if (result.isCanceled) throw new XbuildError('CANCELED', `Canceled while running "${file}"`)
  if (result.exitCode === undefined) {
    throw new XbuildError('HOST', `Cannot run "${file}": ${result.originalMessage ?? result.shortMessage}`, {
      cause: result,
    })
  }
  return { stdout: String(result.stdout ?? ''), stderr: String(result.stderr ?? ''), exitCode: result.exitCode }
}

/** `exec`, but a non-zero status is an error that shows the program's last lines. */
export async function execOk(file: string, args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await exec(file, args, options)
  if (exitCode !== 0) {
    const output = (stderr || stdout).trimEnd().split('\n').slice(-10)
    throw new XbuildError('HOST', `Cannot run "${[file, ...args].join(' ')}": exit status ${exitCode}`, { output })
  }
  return stdout
}
