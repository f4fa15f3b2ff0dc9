import { XbuildError } from '../../errors.ts'
import type { Transport } from '../transport.ts'
import type { RemoteBuild } from '../remote-build.ts'
import { connectGrpc, type GrpcClient } from './grpc/client.ts'
import { GrpcFailure, GRPC } from './grpc/status.ts'
import { inputsKey, openInputs, type SessionInputs } from './inputs.ts'
import type { NamedRegistries } from './named-registries.ts'
import { openSession, type Session } from './session/session.ts'

/** A connection to a daemon with a session that serves one kind of build. */
export interface Link {
  readonly client: GrpcClient
  readonly session: Session
  readonly inputs: SessionInputs
  /** What failed on our side, if it is what the daemon says; we know more of it. */
  ownFailure(error: unknown): XbuildError | undefined
}

/** Connections of a driver: one for control, and a session for all jobs that are asked the same things. */
export interface Links {
  to(build: RemoteBuild, signal: AbortSignal): Promise<Link>
  close(): void
}

/** Milliseconds until a daemon that takes connections, and says nothing, is given up. */
const PATIENCE = 20_000

export function createLinks(
  transport: Transport,
  env: Readonly<Record<string, string | undefined>>,
  named: NamedRegistries,
): Links {
  let control: Promise<GrpcClient> | undefined
  const sessions = new Map<string, Promise<Link>>()
  const closing = new AbortController()

  function client(signal: AbortSignal): Promise<GrpcClient> {
    if (control) return control
    const connecting = (async () =>
      connectGrpc(await transport.control(signal), { authority: transport.authority, signal }))()
    control = connecting
    const forget = () => {
      if (control === connecting) control = undefined
    }
    connecting.then(({ gone }) => void gone.then(forget), forget)
    return connecting
  }

  /** No job's own signal ends what other jobs wait for as well. */
  async function open(build: RemoteBuild): Promise<Link> {
    const late = AbortSignal.timeout(PATIENCE)
    const signal = AbortSignal.any([closing.signal, late])
    const inputs = openInputs(build, env, { named, endpoint: transport.endpoint })
    const failures: XbuildError[] = []
    try {
      const connected = await orAborted(client(signal), signal)
      const onFailure = (error: unknown) => void (error instanceof XbuildError && failures.push(error))
      const session = await orAborted(
        openSession({
          transport,
          client: connected,
          services: inputs.services,
          sharedKey: inputs.sharedKey,
          signal,
          onFailure,
        }),
        signal,
      )
      void session.gone.then(() => {
        inputs.close()
        // A daemon that does not answer on one connection answers on none
        session.close()
        connected.close()
      })
      return {
        client: connected,
        session,
        inputs,
        ownFailure: (error) =>
          failures.findLast(({ message }) => error instanceof Error && error.message.includes(message)),
      }
    } catch (error) {
      inputs.close()
      void control?.then(
        (connected) => connected.close(),
        () => {},
      )
      throw late.aborted
        ? new GrpcFailure(GRPC.unavailable, `no answer in ${PATIENCE / 1000} seconds`, { cause: error })
        : error
    }
  }

  return {
    to(build, signal) {
      named.add(build)
      const key = inputsKey(build)
      const known = sessions.get(key)
      const opening = known ?? open(build)
      if (!known) {
        sessions.set(key, opening)
        const forget = () => {
          if (sessions.get(key) === opening) sessions.delete(key)
        }
        opening.then(({ client, session }) => void Promise.race([client.gone, session.gone]).then(forget), forget)
      }
      return orAborted(opening, signal)
    },
    close() {
      closing.abort()
      for (const link of sessions.values())
        void link.then(
          ({ session }) => session.close(),
          () => {},
        )
      void control?.then(
        (connected) => connected.close(),
        () => {},
      )
    },
  }
}

/** What the promise gives, unless the signal is faster. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new GrpcFailure(GRPC.canceled, 'canceled'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
