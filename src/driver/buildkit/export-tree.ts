import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RemoteBuild } from '../remote-build.ts'
import type { Transport } from '../transport.ts'
import { failureOf } from './failure.ts'
import type { SolveRequestSchema } from './gen/control_pb.ts'
import type { SessionInputs } from './inputs.ts'
import type { Link } from './links.ts'
import { fileSendService } from './session/file-send.ts'
import { openSession } from './session/session.ts'
import { solve } from './solve.ts'

export interface ExportTreeOptions {
  readonly transport: Transport
  readonly link: Link
  readonly build: RemoteBuild
  /** What the image was built from: all of it is in the daemon's cache. */
  readonly request: MessageInitShape<typeof SolveRequestSchema>
  readonly signal: AbortSignal
}

/**
 * The merged files of an image that a daemon has just built, as a tar stream: the build once more, out of the cache,
 * with another end.
 */
export async function exportTree({
  transport,
  link,
  build,
  request,
  signal,
}: ExportTreeOptions): Promise<NodeJS.ReadableStream> {
  const archive = new PassThrough({ highWaterMark: 1 << 20 })
  const services = [
    ...servicesOf(link.inputs),
    ...fileSendService(async (file) => {
      for await (const chunk of file)
        if (!archive.write(chunk)) await Promise.race([once(archive, 'drain'), once(archive, 'close')])
    }),
  ]
  const session = await openSession({
    transport,
    client: link.client,
    services,
    sharedKey: link.inputs.sharedKey,
    onFailure: () => {},
    signal,
  })
  const { 'no-cache': _, 'image-resolve-mode': __, ...attributes } = request.FrontendAttrs ?? {}
  const { Cache: ___, ...rest } = request
  solve({
    client: link.client,
    session,
    request: { ...rest, FrontendAttrs: attributes, Exporter: 'tar', ExporterAttrs: {} },
    onStatus: () => {},
    signal,
  })
    .then(
      () => void archive.end(),
      (error: unknown) =>
        void archive.destroy(failureOf(error, { endpoint: transport.endpoint, signal, dockerfile: build.dockerfile })),
    )
    .finally(session.close)
  return archive
}

/** A session of its own: files that are sent do not say which build they are of. */
function servicesOf({ services }: SessionInputs) {
  return services.filter(({ path }) => !path.includes('FileSend'))
}
