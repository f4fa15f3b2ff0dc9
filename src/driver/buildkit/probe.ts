import { distinctPlatforms, normalizePlatform } from '../../platform.ts'
import type { Transport } from '../transport.ts'
import { failureOf } from './failure.ts'
import type { BuildkitFacts } from './facts.ts'
import { Control } from './gen/control_pb.ts'
import { LLBBridge, type PongResponse } from './gen/gateway_pb.ts'
import { connectGrpc, type GrpcClient } from './grpc/client.ts'
import { GrpcFailure, GRPC } from './grpc/status.ts'
import { healthService } from './session/health.ts'
import { newId, openSession } from './session/session.ts'

/** Asks a daemon what it is and can do; nothing is built. Throws NODE when it does not answer as BuildKit does. */
export async function probeBuildkit(transport: Transport, { signal }: { signal: AbortSignal }): Promise<BuildkitFacts> {
  const closing = new AbortController()
  const either = AbortSignal.any([signal, closing.signal])
  let client: GrpcClient | undefined
  let close: (() => void) | undefined
  try {
    client = await connectGrpc(await transport.control(signal), { authority: transport.authority, signal })
    const session = await openSession({
      transport,
      client,
      services: healthService(),
      sharedKey: '',
      onFailure: () => {},
      signal,
    })
    close = session.close
    const [{ record }, version, answer] = await Promise.all([
      client.unary(Control.method.listWorkers, {}, { signal: either }),
      versionOf(client, either),
      pingWith(client, { session: session.id, exporter: 'oci', signal: either }),
    ])
    // An engine that keeps images in a store of its own refuses the exporter before it says anything
    const pong = answer ?? (await pingWith(client, { session: session.id, exporter: '', signal: either }))
    const platforms = record
      .flatMap((worker) => worker.platforms)
      .map(({ OS, Architecture, Variant }) =>
        normalizePlatform({ os: OS, architecture: Architecture, ...(Variant ? { variant: Variant } : {}) }),
      )
    return {
      ...(version ? { version } : {}),
      platforms: distinctPlatforms(platforms),
      givesOci: answer !== undefined,
      abilities: new Set(
        [...(pong?.LLBCaps ?? []), ...(pong?.FrontendAPICaps ?? [])].filter((cap) => cap.Enabled).map((cap) => cap.ID),
      ),
    }
  } catch (error) {
    throw failureOf(error, { endpoint: transport.endpoint, signal })
  } finally {
    closing.abort()
    close?.()
    client?.close()
  }
}

async function versionOf(client: GrpcClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await client.unary(Control.method.info, {}, { signal })).buildkitVersion?.version
  } catch (error) {
    if (error instanceof GrpcFailure && error.code === GRPC.unimplemented) return undefined
    throw error
  }
}

/**
 * Opens a build that waits for a frontend, speaks with the daemon as that frontend, and gives the build up.
 * Undefined: there is no such exporter.
 */
async function pingWith(
  client: GrpcClient,
  { session, exporter, signal }: { session: string; exporter: string; signal: AbortSignal },
): Promise<PongResponse | undefined> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const ref = newId()
  const solving = client.unary(
    Control.method.solve,
    { Ref: ref, Session: session, Exporter: exporter },
    { signal: either },
  )
  try {
    const refused = solving.then((): never => {
      throw new GrpcFailure(GRPC.internal, 'a build without a frontend ended')
    })
    return await Promise.race([
      refused,
      client.unary(LLBBridge.method.ping, {}, { metadata: { 'buildkit-controlapi-buildid': ref }, signal: either }),
    ])
  } catch (error) {
    if (error instanceof GrpcFailure && exporter !== '' && error.message.includes('could not be found'))
      return undefined
    throw error
  } finally {
    over.abort()
    await solving.catch(() => {})
  }
}
