import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { release } from 'node:os'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { runProgram } from '../host/spawn.ts'
import { startProgram } from '../host/start.ts'
import { formatMap, identityMap, rootlessIds } from './id-map.ts'
import { hasPrivateBinfmt, namespaceFailure, tooOldKernel } from './namespace-errors.ts'
import { ENTER, ENTER_AS_ROOT, SETUP, WAIT } from './namespace-scripts.ts'
import type { NamespaceKind } from './namespace-kind.ts'

export type { NamespaceKind }

/** A register text for binfmt_misc, from `binfmtRegistration`. */
export type Registration = string

/** As in node's `stdio`; a number is a file descriptor of this process. */
export type Stream = 'ignore' | 'pipe' | 'inherit' | 'ipc' | number

export interface NamespaceOptions {
  /**
   * At most stdin, stdout, stderr and one more, which may be 'ipc'; by default stdin is empty and the rest is
   * xbuild's own.
   */
  readonly stdio?: readonly Stream[]
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Kills the program and everything it started. */
  readonly signal?: AbortSignal
  /**
   * What the namespace's own binfmt_misc holds; empty: the handlers of the host stay in force. Not for `root-native`.
   */
  readonly handlers: readonly Registration[]
  /** How many processes a rootless namespace may have, those of the user outside of it counted, too. */
  readonly mostProcesses?: number
  /** Told when a rootless namespace has one id only: reason and way out. */
  readonly onSingleId?: (why: { readonly reason: string; readonly hint: string }) => void
}

const CONTROL = 4

/**
 * Starts a program as the first process (pid 1) of fresh namespaces and resolves when they are set up and it is about
 * to run. The child's
 * `pid` is that of `unshare`, which waits outside and ends with the program's status. Killing it with SIGKILL, or the
 * death
 * of xbuild, kills everything inside; other signals do not reach the program. Throws HOST when something is missing,
 * CANCELED.
 */
export async function spawnInNamespace(
  kind: NamespaceKind,
  file: string,
  args: readonly string[],
  options: NamespaceOptions,
): Promise<ChildProcess> {
  const { handlers, signal } = options
  if (signal?.aborted) throw canceled(file)
  if (handlers.length > 0 && !hasPrivateBinfmt(release())) throw tooOldKernel(release())
  const setup = [SETUP, String(handlers.length), ...handlers, file, ...args]
  const script =
    kind === 'root-native' ? [ENTER_AS_ROOT, 'sh'] : [ENTER, 'sh', processLimit(options.mostProcesses), WAIT]
  const child = startProgram('/bin/sh', ['-c', ...script, ...setup], {
    stdio: stdioWithControl(options.stdio ?? ['ignore', 'inherit', 'inherit']),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...compact({ env: options.env && (options.env as NodeJS.ProcessEnv) }),
  })
  const kill = () => void child.kill('SIGKILL')
  child.once('exit', () => signal?.removeEventListener('abort', kill))
  signal?.addEventListener('abort', kill)
  try {
    await settle(child, () => writeIdMaps(kind, child.pid!, options))
    return child
  } catch (error) {
    await ended(child, kill)
    if (signal?.aborted) throw canceled(file)
    if (error instanceof SetupFailure) throw await namespaceFailure(kind, error.lines)
    if (error instanceof XbuildError) throw error
    throw new XbuildError('HOST', `Cannot start "${file}" in namespaces of its own: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** The soft limit of this process, when that is lower; the kernel has no limit for root. */
function processLimit(most: number | undefined): string {
  if (most === undefined) return ''
  const soft = /^Max processes +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return String(Math.min(most, Number(soft ?? most)))
}

function canceled(file: string): XbuildError {
  return new XbuildError('CANCELED', `Canceled while starting "${file}"`)
}

function stdioWithControl(stdio: readonly Stream[]): Stream[] {
  if (stdio.length > CONTROL) {
    throw new XbuildError('INTERNAL', `Cannot start a program with ${stdio.length} streams: ${CONTROL} is the limit`)
  }
  return [...stdio, ...Array.from({ length: CONTROL - stdio.length }, () => 'ignore' as const), 'pipe']
}

/** What the scripts said before they gave up. */
class SetupFailure extends Error {
  readonly lines: readonly string[]

  constructor(lines: readonly string[]) {
    super('namespace set-up failed')
    this.lines = lines
  }
}

/** Follows the control socket: answers `ready` with the id maps, resolves at `done`, rejects when it closes before. */
function settle(child: ChildProcess, writeMaps: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const control = child.stdio[CONTROL] as Socket
    const said: string[] = []
    let rest = ''
    const hear = (line: string) => {
      if (line === 'done') {
        control.destroy()
        resolve()
      } else if (line === 'ready') {
        writeMaps().then(() => control.write('go\n'), reject)
      } else if (line !== '' && said.length < 20) said.push(line)
    }
    child.once('error', reject)
    control.setEncoding('utf8')
    control.on('error', () => {}) // a reset is followed by 'close'
    control.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!.slice(-1000)
      lines.forEach(hear)
    })
    control.once('close', () => reject(new SetupFailure(rest ? [...said, rest] : said)))
  })
}

async function ended(child: ChildProcess, kill: () => void): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  kill()
  await exit
}

async function writeIdMaps(kind: NamespaceKind, pid: number, options: NamespaceOptions): Promise<void> {
  if (kind === 'root-emulate') {
    const maps = await Promise.all(['uid_map', 'gid_map'].map((name) => readFile(`/proc/self/${name}`, 'utf8')))
    await writeFile(`/proc/${pid}/uid_map`, formatMap(identityMap(maps[0]!)))
    await writeFile(`/proc/${pid}/gid_map`, formatMap(identityMap(maps[1]!)))
    return
  }
  const path = options.env ? options.env['PATH'] : process.env['PATH']
  const ids = await rootlessIds(path)
  if (ids.kind === 'ranges') {
    await runProgram('newuidmap', [String(pid), ...ids.uids.flat().map(String)])
    await runProgram('newgidmap', [String(pid), ...ids.gids.flat().map(String)])
    return
  }
  options.onSingleId?.(ids)
  await writeFile(`/proc/${pid}/setgroups`, 'deny') // the kernel takes a gid_map from an ordinary user only then
  await writeFile(`/proc/${pid}/uid_map`, formatMap(ids.uids))
  await writeFile(`/proc/${pid}/gid_map`, formatMap(ids.gids))
}
