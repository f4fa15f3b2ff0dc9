import { fromBinary } from '@bufbuild/protobuf'
import type { IncomingHttpHeaders } from 'node:http2'
import { StatusSchema } from '../gen/status_pb.ts'

/** Status codes that xbuild tells apart (grpc/doc/statuscodes.md). */
export const GRPC = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const

/** One detail of a failed call, as BuildKit writes it: a type's name and JSON. */
export interface GrpcDetail {
  /** Without the address before it: `errdefs.Source`. */
  readonly type: string
  readonly value: unknown
}

/** A call that did not end well, or that a service refuses. */
export class GrpcFailure extends Error {
  readonly code: number
  readonly details: readonly GrpcDetail[]

  constructor(code: number, message: string, options: { details?: readonly GrpcDetail[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GrpcFailure'
    this.code = code
    this.details = options.details ?? []
  }
}

/** The status that headers or trailers carry; undefined when they carry none. */
export function readStatus(headers: IncomingHttpHeaders): GrpcFailure | 'ok' | undefined {
  const text = headers['grpc-status']
  if (typeof text !== 'string') return undefined
  const code = Number(text)
  if (code === GRPC.ok) return 'ok'
  return new GrpcFailure(Number.isInteger(code) ? code : GRPC.unknown, decodeMessage(one(headers['grpc-message'])), {
    details: readDetails(one(headers['grpc-status-details-bin'])),
  })
}

/** The trailers of a call that a service ends. */
export function statusTrailers(failure?: { readonly code: number; readonly message: string }): Record<string, string> {
  if (!failure) return { 'grpc-status': '0' }
  return { 'grpc-status': String(failure.code), 'grpc-message': encodeMessage(failure.message.slice(0, 4000)) }
}

// Printable ASCII stays as it is: people read it in logs
function encodeMessage(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}

function decodeMessage(text: string): string {
  const bytes: number[] = []
  const raw = Buffer.from(text, 'latin1')
  for (let at = 0; at < raw.length; at++) {
    const hex = raw[at] === 0x25 ? /^[0-9a-f]{2}$/i.exec(raw.toString('latin1', at + 1, at + 3)) : null
    bytes.push(hex ? parseInt(hex[0], 16) : raw[at]!)
    if (hex) at += 2
  }
  return Buffer.from(bytes).toString('utf8')
}

function readDetails(text: string): GrpcDetail[] {
  if (text === '') return []
  try {
    return fromBinary(StatusSchema, Buffer.from(text, 'base64')).details.flatMap(({ typeUrl, value }) => {
      // Other encodings than JSON are of no use here
      const type = /([^/]+)\+json$/.exec(typeUrl)?.[1]
      return type === undefined ? [] : [{ type, value: JSON.parse(Buffer.from(value).toString('utf8')) as unknown }]
    })
  } catch {
    return []
  }
}

function one(value: string | string[] | undefined): string {
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '')
}
