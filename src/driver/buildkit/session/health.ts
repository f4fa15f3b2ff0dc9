import { Health, HealthCheckResponse_ServingStatus as STATUS } from '../gen/health_pb.ts'
import { serveUnary, type Served } from '../grpc/server.ts'

/** Tells the daemon, which asks every few seconds, that this session lives. */
export function healthService(): readonly Served[] {
  return [serveUnary(Health.method.check, () => ({ status: STATUS.SERVING }))]
}
