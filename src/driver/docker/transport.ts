import type { Transport } from '../transport.ts'
import type { DockerEngine } from './engine.ts'

/** BuildKit inside a Docker Engine: its API answers at `/grpc`, and takes the session at `/session`. */
export function dockerTransport(engine: DockerEngine): Transport {
  const upgrade = { Upgrade: 'h2c', Connection: 'Upgrade' }
  return {
    endpoint: engine.endpoint,
    control: (signal) => engine.hijack('/grpc', upgrade, signal),
    session: (headers, signal) => engine.hijack('/session', { ...headers, ...upgrade }, signal),
    close: () => engine.close(),
  }
}
