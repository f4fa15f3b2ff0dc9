import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProgram } from '../../host/start.ts'

/** A network namespace, kept by a process without any rights. */
export interface Holder {
  readonly path: string
  /** Why programs in it can reach addresses that they were to be refused; undefined: they cannot, from then on. */
  readonly unrefused: Promise<string | undefined>
  end(): void
}

/** What a network namespace is made with. */
export interface HolderOptions {
  /** Up to this one, groups may send echo requests without raw sockets. */
  readonly lastGroup: number
  /** Path of the program that refuses addresses; absent: there is none. */
  readonly ip: string | undefined
  /** Ranges that nothing in the namespace may reach, by family. */
  readonly refused: { readonly 4: readonly string[]; readonly 6: readonly string[] }
}

/**
 * Programs that connect namespaces give up the right to look into stronger processes before they open the namespace:
 * who keeps it must have no capability left. Addresses are refused by rules, which come before whatever routes the
 * namespace gets; a kernel without rules takes routes. That goes on beside the program that connects the namespace.
 * The `ip` of busybox has no `-batch`.
 */
const HOLD = `echo "0 $1" >/proc/sys/net/ipv4/ping_group_range
ip=$2
refuse() {
  family=$1
  shift
  for to; do echo "rule add to $to prohibit"; done | "$ip" "$family" -batch - && return
  for to; do "$ip" "$family" rule add to "$to" prohibit || "$ip" "$family" route add prohibit "$to" || return; done
}
refuseAll() {
  refuse -4 $1 && { [ ! -e /proc/sys/net/ipv6 ] || refuse -6 $2; }
}
{
  if [ -z "$ip" ]; then said='there is no program "ip" to refuse them'
  elif said=$(refuseAll "$3" "$4" 2>&1); then said=
  else said="$ip failed: $(echo "$said" | tr '\n' ' ')"
  fi
  echo "refused $said"
} &
exec setpriv --bounding-set=-all --inh-caps=-all -- cat`

/** Longer than any of them takes. Milliseconds. */
const TIMEOUT = 10_000

/** Makes a network namespace that belongs to the user namespace of this process. */
export async function holdNetwork({ lastGroup, ip, refused }: HolderOptions): Promise<Holder> {
  const args = [String(lastGroup), ip ?? '', refused[4].join(' '), refused[6].join(' ')]
  const child = start('unshare', ['--net', '--', '/bin/sh', '-c', HOLD, 'sh', ...args], ['pipe', 'pipe'])
  child.stdin!.on('error', () => undefined)
  child.stdin!.write(`${READY}\n`)
  const lines = linesOf(child.stdout!)
  const outcome = lines.starting('refused ').then((said) => said.trim() || undefined)
  await settled(child, lines.starting(READY))
  child.unref()
  const unrefused = Promise.race([outcome, sleep(TIMEOUT, `${ip} does not end`, { ref: false })])
  return { path: `/proc/${child.pid}/ns/net`, unrefused, end: () => void child.kill('SIGKILL') }
}

/** Comes back from a holder that has given up its rights. */
const READY = 'ready'

/** What lines of a stream say after their first word, in whatever order they come. */
function linesOf(stream: Readable): { starting(word: string): Promise<string> } {
  let text = ''
  const wanted = new Map<string, (rest: string) => void>()
  stream.on('data', (chunk: Buffer) => {
    const lines = (text + chunk.toString()).split('\n')
    text = lines.pop()!
    for (const line of lines)
      for (const [word, give] of wanted) if (line.startsWith(word)) give(line.slice(word.length))
  })
  return { starting: (word) => new Promise((resolve) => wanted.set(word, resolve)) }
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
