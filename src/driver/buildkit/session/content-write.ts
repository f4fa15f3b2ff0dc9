import { timestampNow } from '@bufbuild/protobuf/wkt'
import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { WriteAction, type WriteContentRequestSchema, type WriteContentResponseSchema } from '../gen/content_pb.ts'
import type { ServedCall } from '../grpc/server.ts'
import { GrpcFailure, GRPC } from '../grpc/status.ts'
import { createRoomMeter } from '../../../host/disk-room.ts'
import { checkedDigest } from './contents.ts'
import type { Contents, ContentTarget } from './contents.ts'

type WriteCall = Pick<
  ServedCall<typeof WriteContentRequestSchema, typeof WriteContentResponseSchema>,
  'requests' | 'send'
>

/**
 * Takes content that a daemon writes: told what it is, then piece by piece, then checked and kept. Two writers of one
 * digest are one.
 */
export function createContentWriter(): (store: Contents, call: WriteCall) => Promise<void> {
  const running = new Map<ContentTarget, Map<string, Promise<void>>>()

  return async function write(store, call) {
    const { target } = store
    if (!target) throw new GrpcFailure(GRPC.permissionDenied, 'this content store is not written to')
    const requests = call.requests[Symbol.asyncIterator]()
    const { value: first } = await requests.next()
    if (!first) return
    const writers = running.get(target) ?? running.set(target, new Map()).get(target)!
    const key = first.expected || first.ref
    while (writers.has(key)) await writers.get(key)
    if (first.expected !== '' && (await target.has(checkedDigest(first.expected)))) {
      throw new GrpcFailure(GRPC.alreadyExists, `content ${first.expected}: already exists`)
    }
    const writing = receive(target, first, { requests, send: call.send })
    writers.set(
      key,
      writing
        .then(
          () => {},
          () => {},
        )
        .finally(() => writers.delete(key)),
    )
    await writing
  }
}

type WriteRequest = WriteCall['requests'] extends AsyncIterable<infer T> ? T : never

async function receive(
  target: ContentTarget,
  first: WriteRequest,
  { requests, send }: { requests: AsyncIterator<WriteRequest>; send: WriteCall['send'] },
): Promise<void> {
  const path = await target.newFile()
  const file = await open(path, 'wx', 0o644)
  const hash = createHash('sha256')
  const makeRoom = createRoomMeter(target.folder, { what: 'take what a node writes into' })
  const started = timestampNow()
  let offset = 0
  let kept = false
  try {
    for (
      let request: WriteRequest | undefined = first;
      request;
      request = (await requests.next()).value as WriteRequest | undefined
    ) {
      const { action, data, expected, total } = request
      if (data.length > 0) {
        if (Number(request.offset) !== offset)
          throw new GrpcFailure(
            GRPC.invalidArgument,
            `received bytes for offset ${request.offset}, expected offset ${offset}`,
          )
        if (first.total > 0n && offset + data.length > Number(first.total))
          throw new GrpcFailure(GRPC.invalidArgument, `received more than the announced ${first.total} bytes`)
        makeRoom(data.length)
        hash.update(data)
        await file.write(data, 0, data.length, offset)
        offset += data.length
      }
      const wanted = expected || first.expected
      let digest = wanted
      if (action === WriteAction.COMMIT) {
        digest = `sha256:${hash.copy().digest('hex')}`
        if (wanted !== '' && digest !== wanted)
          throw new GrpcFailure(
            GRPC.failedPrecondition,
            `content has the digest ${digest}, expected ${checkedDigest(wanted)}`,
          )
        if (total > 0n && Number(total) !== offset)
          throw new GrpcFailure(GRPC.failedPrecondition, `content has ${offset} bytes, expected ${total}`)
        await file.sync()
        await target.adopt(path, digest)
        kept = true
      }
      await send({ action, startedAt: started, updatedAt: timestampNow(), offset: BigInt(offset), total, digest })
      if (kept) return
    }
  } finally {
    await file.close()
    if (!kept) await rm(path, { force: true })
  }
}
