import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { type Endpoint, formatEndpoint } from '../../config/endpoint.ts'
import type { XbuildError } from '../../errors.ts'
import { programStream } from '../../host/program-stream.ts'
import type { Dial } from '../dial.ts'
import { unreachable } from '../connection-failure.ts'
import { forwardSocket, whenSocket } from './ssh-forward.ts'

type SshEndpoint = Endpoint & { readonly kind: 'ssh' }
type Environment = Readonly<Record<string, string | undefined>>

/**
 * A socket on another machine, by the user's own ssh: his configuration, keys and known hosts. All connections are
 * channels of one, the master; it ends with `close`, and when this process ends in any other way. `onLogin` is told
 * when the machine has let us in.
 */
export function dialSsh(
  endpoint: SshEndpoint,
  { env, onLogin }: { readonly env: Environment; readonly onLogin?: () => void },
): Dial {
  const shown = formatEndpoint(endpoint)
  const script = remoteScript(endpoint.socket)
  let master: Promise<Master> | undefined
  const closing = new AbortController()
  return {
    endpoint: shown,
    async connect(signal) {
      signal.throwIfAborted()
      // A master that failed is no reason not to try again
      master ??= openMaster(endpoint, { shown, env, signal: closing.signal, onLogin }).catch((error: unknown) => {
        master = undefined
        throw error
      })
      const { control, forwarded } = await aborting(master, signal)
      if (closing.signal.aborted) throw unreachable(shown, 'it was closed')
      if (forwarded) return forwarded(signal)
      return ssh(['-o', 'ControlMaster=no', '-o', `ControlPath=${control}`, ...target(endpoint), script], shown, env)
    },
    async close() {
      closing.abort(unreachable(shown, 'it was closed')) // one that still waits for an answer is not waited for
      await master?.then(
        (opened) => opened.close(),
        () => undefined,
      )
    },
  }
}

interface Master {
  /** Path of its socket. */
  readonly control: string
  /** Connects to the engine's socket, where the server forwards that. */
  readonly forwarded: ((signal: AbortSignal) => Promise<Duplex>) | undefined
  close(): Promise<void>
}

const READY = 'xbuild-is-connected'
const SOCKET = 'xbuild-sees-the-socket'

interface MasterOptions {
  readonly shown: string
  readonly env: Environment
  readonly signal: AbortSignal
  readonly onLogin: (() => void) | undefined
}

async function openMaster(endpoint: SshEndpoint, { shown, env, signal, onLogin }: MasterOptions): Promise<Master> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-ssh-'))
  const control = join(folder, 'control')
  // `cat` ends when its input does: with this process, whatever ends that
  const greeting = `sh -c '${whenSocket(endpoint.socket, `echo ${SOCKET}`)}; echo ${READY}; exec cat'`
  const stream = ssh(
    [
      '-o',
      'ControlMaster=yes',
      '-o',
      'ControlPersist=no',
      '-o',
      `ControlPath=${control}`,
      ...target(endpoint),
      greeting,
    ],
    shown,
    env,
  )
  const close = async () => {
    const ended = new Promise((resolve) => stream.once('close', resolve))
    const isOver = stream.destroyed || stream.closed
    stream.destroy()
    if (!isOver) await ended
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const hasSocket = await new Promise<boolean>((resolve, reject) => {
      let said = ''
      stream.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-4000) // a login shell may greet first
        if (said.includes(READY)) resolve(said.includes(SOCKET))
      })
      stream.once('error', reject)
      stream.once('end', () => reject(unreachable(shown, 'ssh ended at once')))
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    stream.on('error', () => undefined) // connections that were channels of it say so themselves
    onLogin?.()
    const again = (args: readonly string[]) =>
      ssh([...args, '-o', `ControlPath=${control}`, ...target(endpoint)], shown, env)
    const forwarded = hasSocket
      ? await forwardSocket({ folder, socket: endpoint.socket, shown, ssh: again, signal })
      : undefined
    return { control, forwarded, close }
  } catch (error) {
    await close()
    throw error
  }
}

function ssh(args: readonly string[], shown: string, env: Environment): Duplex {
  // Nobody is there to answer a question: progress fills the terminal. A machine that is gone is noticed within a
  // minute.
  const common = [
    '-T',
    '-o',
    'BatchMode=yes',
    '-o',
    'ConnectTimeout=10',
    '-o',
    'ServerAliveInterval=15',
    '-o',
    'ServerAliveCountMax=3',
    '-o',
    'LogLevel=ERROR',
  ]
  return programStream('ssh', [...common, ...args], { env, failure: (state, said) => sshFailure(shown, state, said) })
}

function target({ user, host, port }: SshEndpoint): string[] {
  return [...(user ? ['-l', user] : []), ...(port ? ['-p', String(port)] : []), '--', host]
}

/**
 * Runs on the other machine: whichever client program is there connects its standard input and output to the socket.
 */
function remoteScript(socket: string | undefined): string {
  const address = socket === undefined ? '' : `unix://${socket}`
  const ways: readonly (readonly [program: string, args: string])[] = [
    ['docker', `${address && `--host ${address} `}system dial-stdio`],
    ['podman', `${address && `--url ${address} `}system dial-stdio`],
    ['buildctl', `${address && `--addr ${address} `}dial-stdio`],
    ...(socket === undefined
      ? []
      : ([
          ['socat', `- UNIX-CONNECT:${socket}`],
          ['nc', `-U ${socket}`],
        ] as const)),
  ]
  const lines = ways.map(
    ([program, args]) => `if command -v ${program} >/dev/null 2>&1; then exec ${program} ${args}; fi`,
  )
  return `sh -c '${lines.join('; ')}; echo "none of ${ways.map(([program]) => program).join(', ')} is installed there" >&2; exit 127'`
}

function sshFailure(shown: string, state: string, said: readonly string[]): XbuildError {
  const text = said.join('\n')
  const [why, hint] = KNOWN.find(([pattern]) => pattern.test(text))?.slice(1) ?? []
  return unreachable(shown, (why as string | undefined) ?? said.at(-1)?.trim() ?? state, {
    output: said,
    ...(hint ? { hint: hint as string } : {}),
  })
}

const KNOWN: readonly (readonly [pattern: RegExp, state: string, hint: string])[] = [
  [/^ssh: connect to host .*refused/, 'no ssh server listens there', 'Name another host or port'],
  [
    /Permission denied \(/,
    'ssh authentication failed',
    'Load the key into ssh-agent, or set it in ~/.ssh/config: ssh must log in without a prompt',
  ],
  [/Host key verification failed/, 'host key verification failed', 'Connect once by hand with ssh, and accept the key'],
  [
    /none of .* is installed there/,
    'there is no docker, podman or buildctl',
    'Install one of them there, or name another node',
  ],
  [
    /no such file or directory|[Cc]onnection refused$|[Cc]annot connect to the Docker daemon/,
    'no engine answers there',
    'Start it, or name its socket: ssh://HOST/PATH',
  ],
]

async function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort!)
  }
}
