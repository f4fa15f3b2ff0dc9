import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { HTTP2_HELLO } from './identify.ts'
import { dialUnix } from './sockets.ts'

/** The socket that `docker` uses when nothing else was said. */
const USUAL = '/var/run/docker.sock'

/**
 * Shell text that runs on the other machine: does something when the engine's socket is known, there, and may be used
 * by whoever logged in.
 */
export function whenSocket(socket: string | undefined, then: string): string {
  const isUsual =
    'test -z "$DOCKER_HOST$DOCKER_CONTEXT" && ! grep -qs currentContext "${DOCKER_CONFIG:-$HOME/.docker}/config.json"'
  return `if ${socket === undefined ? `${isUsual} && ` : ''}test -S ${socket ?? USUAL} -a -w ${socket ?? USUAL}; then ${then}; fi`
}

export interface ForwardOptions {
  /** A folder that this user alone can open. */
  readonly folder: string
  /** The socket on the other machine; absent: the usual one. */
  readonly socket: string | undefined
  /** What the node is called in errors. */
  readonly shown: string
  /** Runs ssh with these arguments, to the same machine, over the login that is there. */
  readonly ssh: (args: readonly string[]) => Duplex
  readonly signal: AbortSignal
}

/**
 * Lets the ssh server itself connect to the socket, which costs no program there for each connection; gives back how to
 * connect, or undefined when it must not: `AllowStreamLocalForwarding`.
 */
export async function forwardSocket({
  folder,
  socket,
  shown,
  ssh,
  signal,
}: ForwardOptions): Promise<((signal: AbortSignal) => Promise<Duplex>) | undefined> {
  const local = join(folder, 'engine')
  try {
    await ended(ssh(['-O', 'forward', '-L', `${local}:${socket ?? USUAL}`]))
    const { connect } = dialUnix({ kind: 'unix', path: local }, shown)
    const connection = await connect(signal)
    return (await answers(connection, signal)) ? connect : undefined
  } catch (error) {
    if (signal.aborted) throw error
    return undefined // the other way says what is wrong
  }
}

function ended(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.resume().once('error', reject).once('end', resolve)
    stream.end()
  })
}

/**
 * Whether anything comes back: a way that is not allowed is closed at once. Docker's API and BuildKit both answer to
 * this, each in its way.
 */
function answers(connection: Duplex, signal: AbortSignal): Promise<boolean> {
  return new Promise<boolean>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    connection
      .once('data', () => resolve(true))
      .once('error', () => resolve(false))
      .once('close', () => resolve(false))
    connection.write(HTTP2_HELLO)
  }).finally(() => connection.destroy())
}
