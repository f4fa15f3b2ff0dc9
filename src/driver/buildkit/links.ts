import { XbuildError } from '../../errors.ts'
import type { Transport } from '../transport.ts'
import type { RemoteBuild } from '../remote-build.ts'
import { connectGrpc, type GrpcClient } from './grpc/client.ts'
import { inputsKey, openInputs, type SessionInputs } from './inputs.ts'
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

export function createLinks(transport: Transport, env: Readonly<Record<string, string | undefined>>): Links {
  let control: Promise<GrpcClient> | undefined
  const sessions = new Map<string, Promise<Link>>()

  function client(signal: AbortSignal): Promise<GrpcClient> {
    if (control) return control
    const connecting = (async () => connectGrpc(await transport.control(signal), { authority: transport.authority, signal }))()
    control = connecting
    const forget = () => {
      if (control === connecting) control = undefined
    }
    connecting.then(({ gone }) => void gone.then(forget), forget)
    return connecting
  }

  return {
    to(build, signal) {
      const key = inputsKey(build)
      const known = sessions.get(key)
      if (known) return known
      const opening = open(build)
      sessions.set(key, opening)
      const forget = () => {
        if (sessions.get(key) === opening) sessions.delete(key)
      }
      opening.then(({ client, session }) => {
        void client.gone.then(forget)
        void session.gone.then(forget)
      }, forget)
      return opening

      async function open(build: RemoteBuild): Promise<Link> {
        const inputs = openInputs(build, env)
        const failures: XbuildError[] = []
        const connected = await client(signal)
        const session = await openSession({
          transport, client: connected, services: inputs.services, sharedKey: inputs.sharedKey, signal,
          onFailure: (error) => void (error instanceof XbuildError && failures.push(error)),
        })
        void session.gone.then(inputs.close)
        return {
          client: connected, session, inputs,
          ownFailure: (error) => failures.findLast(({ message }) => error instanceof Error && error.message.includes(message)),
        }
      }
    },
    close() {
      for (const link of sessions.values()) void link.then(({ session }) => session.close(), () => {})
      void control?.then((connected) => connected.close(), () => {})
    },
  }
}
