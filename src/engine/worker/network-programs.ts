import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { startProgram } from '../../host/start.ts'

/** A network namespace, kept by a process without any rights. */
export interface Holder {
  readonly path: string
  end(): void
}

/**
 * Programs that connect namespaces give up the right to look into stronger processes before they open the namespace:
 * who keeps it must have no capability left. `ping` may be used by all groups, so that no step needs CAP_NET_RAW.
 */
const HOLD = `echo "0 $1" >/proc/sys/net/ipv4/ping_group_range
exec setpriv --bounding-set=-all --inh-caps=-all -- cat`

/** Longer than any of them takes. Milliseconds. */
const TIMEOUT = 10_000

/** Makes a network namespace that belongs to the user namespace of this process. */
export async function holdNetwork(lastGroup: number): Promise<Holder> {
  const child = start('unshare', ['--net', '--', '/bin/sh', '-c', HOLD, 'sh', String(lastGroup)], ['pipe', 'pipe'])
  child.stdin!.on('error', () => undefined)
  child.stdin!.write('ready\n')
  await settled(child, once(child.stdout!, 'data'))
  child.unref()
  return { path: `/proc/${child.pid}/ns/net`, end: () => void child.kill('SIGKILL') }
}

/** For a program that goes into the background when it is ready. */
export async function startUntilExit(file: string, args: readonly string[]): Promise<void> {
  await settled(start(file, args, ['ignore', 'ignore']))
}

/** For a program that stays in the foreground and writes to descriptor 3 when it is ready. */
export async function startUntilReady(file: string, args: readonly string[]): Promise<void> {
  const child = start(file, args, ['ignore', 'ignore'], true)
  await settled(child, once(child.stdio[3] as Readable, 'data'))
}

/** Runs a program in the namespace, to its end. */
export async function joinAndRun(holder: Holder, file: string, args: readonly string[], input: string): Promise<void> {
  const child = start('nsenter', [`--net=${holder.path}`, '--', file, ...args], ['pipe', 'ignore'])
  child.stdin!.on('error', () => undefined)
  child.stdin!.end(input)
  await once(child, 'exit')
}

/** The environment of a build holds what a program that parses packets need not know. */
function start(file: string, args: readonly string[], stdio: ('pipe' | 'ignore')[], ready = false): ChildProcess {
  return startProgram(file, args, {
    stdio: [...stdio, 'pipe', ...(ready ? ['pipe' as const] : [])],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
  })
}

/** Waits until a program is ready, or has ended well when nothing else is waited for; throws its last words. */
async function settled(child: ChildProcess, ready?: Promise<unknown>): Promise<void> {
  let said = ''
  child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
  const end = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code === 0 && !ready) return resolve()
      // What it said may arrive after its end
      setImmediate(() => reject(new Error(lastWords(said) ?? `ended by ${signal ?? `status ${code}`}`)))
    })
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT)
  try {
    await (ready ? Promise.race([ready, end]) : end)
    end.catch(() => undefined)
  } finally {
    clearTimeout(timer)
    child.stderr!.destroy()
  }
}

function lastWords(text: string): string | undefined {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.includes('syslog'))
    .at(-1)
}
