import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { program } from './places.ts'

/** How the program is run; `env` is added to this process's. */
export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Store folder, as XBUILD_HOME. */
  readonly store?: string
  /** What is piped in. */
  readonly input?: string | Uint8Array
}

/** What a program left. */
export interface Ended {
  /** Exit status, or 128 + 15 and the like when a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs: wait for `ended`, or for `printed` to see something first. */
export interface Running {
  readonly child: ChildProcessByStdio<Writable | null, Readable, Readable>
  readonly ended: Promise<Ended>
  /** Resolves when stdout or stderr matches; rejects when the program ends before. */
  printed(pattern: RegExp): Promise<void>
}

/** Starts `xbuild` as a real process. */
export function startXbuild(args: readonly string[], options: RunOptions = {}): Running {
  return start(process.execPath, [program, ...args], options)
}

/** Runs `xbuild` as a real process to its end. */
export async function xbuild(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startXbuild(args, options).ended
}

/** Runs any program to its end. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(file, args, options).ended
}

/** Runs a program that must succeed; resolves to its stdout. */
export async function runOk(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, options)
  if (code !== 0) throw new Error(`${[file, ...args].join(' ')}: status ${code}\n${stdout}\n${stderr}`)
  return stdout
}

/** Starts any program. */
export function start(file: string, args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(file, [...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...(options.store ? { XBUILD_HOME: options.store } : {}), ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable | null, Readable, Readable>
  child.stdin?.on('error', () => {}) // who ends early says why
  child.stdin?.end(options.input)
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 143), ...text }))
  })
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(text.stdout) || pattern.test(text.stderr)) resolve()
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      ended.then(() => reject(new Error(`ended without printing ${String(pattern)}:\n${text.stderr}`)), reject)
      look()
    })
  return { child, ended, printed }
}
