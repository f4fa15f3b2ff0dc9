import { Secrets } from '../gen/secrets_pb.ts'
import { serveUnary, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'

/** Hands out the content of secrets by id, one at a time, when a step asks for it. */
export function secretsService(secret: (id: string) => Promise<Buffer | undefined>): readonly Served[] {
  return [
    serveUnary(Secrets.method.getSecret, async ({ ID: id }) => {
      const data = await secret(id)
      if (!data) throw new GrpcFailure(GRPC.notFound, `secret ${id}: not found`)
      return { data }
    }),
  ]
}
