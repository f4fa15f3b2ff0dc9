import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CutLine } from '../../content/lines.ts'
import { XbuildError } from '../../errors.ts'
import { startProgram } from '../../host/start.ts'
import { onLines } from './lines.ts'

/** Lines of a failed command's output that its error carries. */
const KEPT_LINES = 20

/** Gets every line that a command prints, piece by piece; the command waits for what it gives back. */
export type OnLog = (stream: 'stdout' | 'stderr', lines: readonly string[]) => Promise<void> | undefined

/** How a container ended: its status, or the signal; its last lines; and what the runtime itself had to say. */
export interface ContainerEnd {
  readonly status: number | string
  readonly output: readonly string[]
  readonly fromRuntime: readonly string[]
}

export interface ContainerOptions {
  /** Folder of the bundle; the runtime's state and log go there too. */
  readonly scratch: string
  readonly name: string
  /** Path of the OCI runtime. */
  readonly runtime: string
  /** What it says it is, whatever its name. */
  readonly isRunc: boolean
  readonly signal: AbortSignal
  readonly onLog: OnLog
  /** Where long lines may be cut; absent: anywhere. */
  readonly cut?: CutLine
  readonly inUserNamespace: boolean
  /** Told the process that all of the container's are below. */
  readonly onStart?: (pid: number) => void
}

/** Runs the container of the bundle in `scratch` to its end; nothing of it is left when this settles. */
export async function runContainer({
  scratch,
  name,
  runtime,
  isRunc,
  signal,
  onLog,
  cut,
  inUserNamespace,
  onStart,
}: ContainerOptions): Promise<ContainerEnd> {
  const log = join(scratch, 'runtime.log')
  // In a user namespace nobody may set limits on devices, not even its root: runc must be told, others find out.
  const rootless = inUserNamespace && isRunc ? ['--rootless=true'] : []
  const base = [...rootless, '--root', join(scratch, 'state'), '--log', log, '--log-format', 'json']
  signal.throwIfAborted()
  const child = startRuntime(runtime, [...base, 'run', '--bundle', scratch, name])
  if (child.pid !== undefined) onStart?.(child.pid)
  const output: string[] = []
  const keep = (stream: 'stdout' | 'stderr') => (lines: readonly string[]) => {
    output.push(...lines.slice(-KEPT_LINES))
    output.splice(0, output.length - KEPT_LINES)
    // Nobody reads on; but the pipe must not keep the command from its end
    return signal.aborted ? undefined : onLog(stream, lines)
  }
  onLines(child.stdout!, keep('stdout'), cut)
  onLines(child.stderr!, keep('stderr'), cut)
  const kill = () =>
    void startProgram(runtime, [...base, 'kill', name, 'KILL'], { stdio: 'ignore' })
      .once('exit', (code) => code !== 0 && child.kill('SIGKILL')) // not created yet: end the runtime itself
      .once('error', () => child.kill('SIGKILL'))
  signal.addEventListener('abort', kill)
  try {
    const status = await new Promise<number | string>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(
          new XbuildError('HOST', `Cannot start the OCI runtime "${runtime}": ${cause.message}`, {
            cause,
            hint: 'Install runc, or name another with --oci-runtime',
          }),
        ),
      )
      child.once('close', (code, by) => resolve(code ?? by ?? 1))
    })
    return { status, output, fromRuntime: runtimeErrors(log) }
  } finally {
    signal.removeEventListener('abort', kill)
    // A container that ended by itself is deleted already; a runtime that was killed has not got round to it.
    if (existsSync(join(scratch, 'state', name))) {
      await new Promise<void>((resolve) => {
        startProgram(runtime, [...base, 'delete', '--force', name], { stdio: 'ignore' })
          .once('close', () => resolve())
          .once('error', () => resolve())
      })
    }
  }
}

/** What a runtime makes in the image, for mounts inside of mounts, everybody may enter and read. */
function startRuntime(runtime: string, args: readonly string[]): ChildProcess {
  const own = process.umask(0o022)
  try {
    return startProgram(runtime, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  } finally {
    process.umask(own)
  }
}

/** Error messages that the runtime itself logged, as opposed to the command. */
function runtimeErrors(log: string): string[] {
  if (!existsSync(log)) return []
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      try {
        const { level, msg } = JSON.parse(line) as { level?: string; msg?: string }
        return level === 'error' || level === 'fatal' ? [String(msg)] : []
      } catch {
        return []
      }
    })
}
