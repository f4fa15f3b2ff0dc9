import { FileSend } from '../gen/filesync_pb.ts'
import { serveStream, type Served } from '../grpc/server.ts'

/** Takes a file that the daemon makes of a result, as it comes. */
export function fileSendService(take: (file: AsyncIterable<Uint8Array>) => Promise<void>): readonly Served[] {
  return [
    serveStream(FileSend.method.diffCopy, async ({ requests }) => {
      async function* file(): AsyncGenerator<Uint8Array> {
        for await (const { data } of requests) yield data
      }
      await take(file())
    }),
  ]
}
