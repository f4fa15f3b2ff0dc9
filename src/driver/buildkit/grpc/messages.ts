import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { Http2Stream } from 'node:http2'
import { createDeframer, frame } from './frames.ts'
import { GrpcFailure, GRPC } from './status.ts'

/** More than any daemon sends: theirs are 16 MiB at most. */
export const MAX_MESSAGE: number = 32 << 20

/** Bytes that may be on their way to us on one connection, and on one stream of it. */
export const WINDOW: number = 4 << 20

/** The messages that come on a stream. Leaving the loop early leaves the stream open. */
export async function* readMessages<T extends DescMessage>(
  stream: Http2Stream,
  schema: T,
): AsyncGenerator<MessageShape<T>, void, undefined> {
  const deframer = createDeframer(MAX_MESSAGE)
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    for (const message of deframer.push(chunk as Buffer)) yield decode(schema, message)
  }
  if (!deframer.isEmpty()) throw new GrpcFailure(GRPC.internal, 'the stream ended in the middle of a message')
}

function decode<T extends DescMessage>(schema: T, bytes: Uint8Array): MessageShape<T> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw new GrpcFailure(GRPC.internal, `received a ${schema.typeName} that cannot be decoded`, { cause })
  }
}

/** A message as it goes on the wire. */
export function encode<T extends DescMessage>(schema: T, message: MessageInitShape<T>): Buffer {
  return frame(toBinary(schema, create(schema, message)))
}

/**
 * Writes frames; resolves when more may be written, and calls `release` once the bytes themselves are of no more use.
 */
export type WriteFrames = (frames: Buffer, release?: () => void) => Promise<void>

/** All who wait on one stream share one pair of listeners. */
export function createWriter(stream: Http2Stream): WriteFrames {
  let draining: Promise<void> | undefined
  return async (frames, release) => {
    if (stream.destroyed || stream.closed || stream.writableEnded)
      throw new GrpcFailure(GRPC.canceled, 'the stream is closed')
    if (stream.write(frames, release)) return
    draining ??= new Promise<void>((resolve) => {
      const done = () => {
        draining = undefined
        stream.off('drain', done).off('close', done)
        resolve()
      }
      stream.on('drain', done).on('close', done)
    })
    return draining
  }
}
