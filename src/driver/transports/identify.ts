import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { XbuildError } from '../../errors.ts'
import type { Dial } from '../dial.ts'
import { connectionFailure, unreachable } from '../connection-failure.ts'

/** What answers at an endpoint, by how it behaves. */
export type Identity =
  | { readonly kind: 'buildkit' }
  /** An engine with Docker's API. */
  | {
      readonly kind: 'docker'
      readonly apiVersion: string
      readonly podman: boolean
      readonly builder: 'buildkit' | 'classic' | undefined
    }

const ASK = 'GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: xbuild\r\nConnection: close\r\n\r\n'
/** The preface of HTTP/2 and an empty settings frame. */
export const HTTP2_HELLO: Buffer = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
])
const MAX_ANSWER = 1 << 16

/**
 * Asks what is at the other end: Docker's API answers HTTP/1.1, BuildKit's control API opens with an HTTP/2 settings
 * frame. Throws NODE when it is neither, and what `signal` aborted with.
 */
export async function identify(dial: Dial, signal: AbortSignal): Promise<Identity> {
  const connection = await dial.connect(signal)
  try {
    // After TLS agreed on HTTP/2 nothing is to be found out, but whether it likes our certificate: its first words tell
    const agreed = (connection as TLSSocket).alpnProtocol === 'h2'
    connection.write(agreed ? HTTP2_HELLO : ASK)
    return read(await firstAnswer(connection, dial.endpoint, signal), dial.endpoint)
  } finally {
    connection.destroy()
  }
}

function firstAnswer(connection: Duplex, endpoint: string, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer: Buffer = Buffer.alloc(0)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const settle = (error?: unknown) => {
      signal.removeEventListener('abort', abort)
      if (error && answer.length === 0) reject(connectionFailure(endpoint, error))
      else resolve(answer)
    }
    connection.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      const isHttp = answer.toString('latin1', 0, 5) === 'HTTP/'
      if (answer.length >= (isHttp ? MAX_ANSWER : 9) || answer.includes('\r\n\r\n')) settle()
    })
    connection
      .once('error', settle)
      .once('end', () => settle())
      .once('close', () => settle())
  })
}

function read(answer: Buffer, endpoint: string): Identity {
  if (isSettingsFrame(answer)) return { kind: 'buildkit' }
  const [status = '', ...lines] = answer.toString('latin1').split('\r\n\r\n')[0]!.split('\r\n')
  const [, code] = /^HTTP\/1\.[01] (\d{3})/.exec(status) ?? []
  if (code === undefined) {
    const state =
      answer.length === 0
        ? 'it closed the connection without an answer'
        : 'the server there is neither Docker Engine nor BuildKit'
    throw unreachable(endpoint, state, { hint: 'Name the socket or port of an engine' })
  }
  const headers = new Map(
    lines.map((line) => [line.split(':', 1)[0]!.trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const apiVersion = headers.get('api-version')
  if (apiVersion === undefined || code !== '200') {
    const tls = code === '400' && /HTTPS|TLS/i.test(answer.toString('latin1'))
    if (tls)
      throw new XbuildError('NODE', `Cannot reach node "${endpoint}": it speaks TLS only`, {
        hint: 'Add ?certs=FOLDER with ca.pem, cert.pem and key.pem to the endpoint',
      })
    throw unreachable(
      endpoint,
      code === '200' ? 'the server there is a web server, not a Docker Engine' : `it answers with status ${code}`,
    )
  }
  const builder = headers.get('builder-version')
  return {
    kind: 'docker',
    apiVersion,
    podman: headers.has('libpod-api-version'),
    builder: builder === '2' ? 'buildkit' : builder === '1' ? 'classic' : undefined,
  }
}

/** The header of the first frame of an HTTP/2 server: length, type 4, flags, stream 0. */
function isSettingsFrame(bytes: Buffer): boolean {
  return (
    bytes.length >= 9 &&
    bytes[0] === 0 &&
    bytes[3] === 4 &&
    bytes.readUInt32BE(5) === 0 &&
    bytes.readUIntBE(0, 3) % 6 === 0
  )
}
