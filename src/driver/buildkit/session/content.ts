import { timestampNow } from '@bufbuild/protobuf/wkt'
import { Content } from '../gen/content_pb.ts'
import { serveStream, serveUnary, type Metadata, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import { createContentWriter } from './content-write.ts'
import { checkedDigest, type Contents } from './contents.ts'

/** Serves content stores by name, as containerd serves its own. */
export function contentService(stores: ReadonlyMap<string, Contents>): readonly Served[] {
  const storeOf = (metadata: Metadata): Contents => {
    const name = metadata.one('buildkit-attachable-store-id') ?? ''
    const store = stores.get(name)
    if (!store) throw new GrpcFailure(GRPC.notFound, `there is no content store "${name}" in this session`)
    return store
  }
  const write = createContentWriter()
  const info = async (metadata: Metadata, digest: string) => {
    const size = await sizeOf(storeOf(metadata), digest)
    return { info: { digest, size: BigInt(size), createdAt: timestampNow(), updatedAt: timestampNow() } }
  }
  return [
    serveUnary(Content.method.info, ({ digest }, metadata) => info(metadata, digest)),
    // Labels are for the garbage collection of a daemon, which is not ours
    serveUnary(Content.method.update, (request, metadata) => info(metadata, request.info?.digest ?? '')),
    serveStream(Content.method.read, async ({ metadata, requests, send }) => {
      const store = storeOf(metadata)
      for await (const { digest, offset, size } of requests) {
        const total = await sizeOf(store, digest)
        const start = Number(offset)
        const end = size > 0n ? Math.min(total, start + Number(size)) : total
        if (start < 0 || start > total)
          throw new GrpcFailure(GRPC.invalidArgument, `${digest} has ${total} bytes, offset ${start} is outside`)
        let at = start
        if (start < end) {
          for await (const data of await store.read(digest, { start, end: end - 1 })) {
            await send({ offset: BigInt(at), data: data as Buffer })
            at += (data as Buffer).length
          }
        }
        return
      }
    }),
    serveUnary(Content.method.status, ({ ref }) => {
      throw new GrpcFailure(GRPC.notFound, `nothing is being written as ${ref}`)
    }),
    serveStream(Content.method.write, (call) => write(storeOf(call.metadata), call)),
    serveUnary(Content.method.abort, () => ({})),
  ]
}

async function sizeOf(store: Contents, digest: string): Promise<number> {
  const size = await store.size(checkedDigest(digest))
  if (size === undefined) throw new GrpcFailure(GRPC.notFound, `content ${digest}: not found`)
  return size
}
