import { setTimeout as sleep } from 'node:timers/promises'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Control, type SolveRequestSchema, type StatusResponse } from './gen/control_pb.ts'
import type { GrpcClient } from './grpc/client.ts'
import { newId, type Session } from './session/session.ts'

export interface SolveOptions {
  readonly client: GrpcClient
  readonly session: Session
  readonly request: MessageInitShape<typeof SolveRequestSchema>
  readonly onStatus: (status: StatusResponse) => void
  readonly signal: AbortSignal
}

/** Milliseconds for the last words of a build, and for its processes to be stopped. */
const PATIENCE = { done: 3_000, stopped: 15_000 }

/**
 * Runs one build and gives the exporter's answer; has what the daemon tells of it on the way. It does not settle
 * before the daemon has stopped.
 */
export async function solve({
  client,
  session,
  request,
  onStatus,
  signal,
}: SolveOptions): Promise<Record<string, string>> {
  const ref = newId()
  const stop = new AbortController()
  const leave = new AbortController()
  const status = follow(client, ref, onStatus, leave.signal)
  const lost = Promise.race([client.gone, session.gone])
  let alive = true
  void lost.then(() => {
    alive = false
    stop.abort()
    leave.abort()
  })
  const abort = () => stop.abort()
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    const solving = client.unary(
      Control.method.solve,
      { ...request, Ref: ref, Session: session.id },
      { signal: stop.signal },
    )
    const answer = await Promise.race([solving, lost.then((failure) => Promise.reject(failure))])
    return answer.ExporterResponse
  } finally {
    signal.removeEventListener('abort', abort)
    // A status ends with its build: after all processes are gone
    if (alive)
      await Promise.race([
        status,
        lost,
        sleep(signal.aborted ? PATIENCE.stopped : PATIENCE.done, undefined, { signal: leave.signal, ref: false }).catch(
          () => {},
        ),
      ])
    leave.abort()
  }
}

async function follow(
  client: GrpcClient,
  ref: string,
  onStatus: (status: StatusResponse) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const status of client.stream(Control.method.status, { Ref: ref }, { signal })) onStatus(status)
  } catch {
    // A build that failed at once was never known: what matters is said by its own end
  }
}
