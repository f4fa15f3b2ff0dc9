import { createReadStream } from 'node:fs'
import { Upload } from '../gen/upload_pb.ts'
import { serveStream, type Served } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'

/** The host in the URL of a context that comes over the session. */
export const UPLOAD_HOST = 'buildkit-session'

const CHUNK = 512 << 10

/** Sends files under the names they have in `http://buildkit-session/NAME`. */
export function uploadService(files: ReadonlyMap<string, string>): readonly Served[] {
  return [
    serveStream(Upload.method.pull, async ({ metadata, send }) => {
      const name = (metadata.one('urlpath') ?? '').replace(/^\//, '')
      const file = files.get(name)
      if (file === undefined) throw new GrpcFailure(GRPC.notFound, `there is nothing called "${name}" in this session`)
      for await (const data of createReadStream(file, { highWaterMark: CHUNK })) await send({ data: data as Buffer })
    }),
  ]
}
