import { connectGrpc, type GrpcClient } from '../../../src/driver/buildkit/grpc/client.ts'
import { serveGrpc, type Served } from '../../../src/driver/buildkit/grpc/server.ts'
import { duplexPair } from './duplex-pair.ts'

/** A node's end of a session with these services: it may ask for whatever it likes. */
export async function connectServices(
  services: readonly Served[],
  onFailure: (error: unknown) => void = () => {},
): Promise<{ readonly client: GrpcClient; close(): void }> {
  const [here, there] = duplexPair()
  const server = serveGrpc(there, services, onFailure)
  const client = await connectGrpc(here, { signal: new AbortController().signal })
  return { client, close: () => (client.close(), server.close()) }
}
