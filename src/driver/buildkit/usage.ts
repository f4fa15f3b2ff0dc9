import type { Transport } from '../transport.ts'
import { failureOf } from './failure.ts'
import { Control } from './gen/control_pb.ts'
import { connectGrpc } from './grpc/client.ts'

/** What a daemon is busy with. */
export interface BuildkitUsage {
  /** Bytes of its build cache. */
  readonly cache: number
  /** Builds that run now; undefined: daemons of before 2023 do not tell. */
  readonly running: number | undefined
}

/** Asks a daemon what it holds and does. Throws NODE when it is lost. */
export async function buildkitUsage(transport: Transport, { signal }: { signal: AbortSignal }): Promise<BuildkitUsage> {
  const duplex = await transport.control(signal)
  try {
    const client = await connectGrpc(duplex, { authority: transport.authority, signal })
    try {
      const count = async () => {
        let running = 0
        for await (const { record } of client.stream(
          Control.method.listenBuildHistory,
          { ActiveOnly: true, EarlyExit: true },
          { signal },
        ))
          running += record ? 1 : 0
        return running
      }
      const [{ record }, running] = await Promise.all([
        client.unary(Control.method.diskUsage, {}, { signal }),
        count().catch(() => undefined),
      ])
      return { cache: record.reduce((sum, { Size }) => sum + Number(Size), 0), running }
    } finally {
      client.close()
    }
  } catch (error) {
    throw failureOf(error, { endpoint: transport.endpoint, signal })
  } finally {
    duplex.destroy()
  }
}
