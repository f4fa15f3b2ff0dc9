import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Reference, familiarReference } from '../oci/reference.ts'
import { type Endpoint, pullEndpoints, registryEndpoint } from './endpoint.ts'
import { RegistryFailure, networkFailure } from './failure.ts'
import { askHead } from './head.ts'
import { ACCEPT, readManifest } from './manifest.ts'
import { type Connection, fromFirst } from './mirrors.ts'
import { PATIENT, pauseBeforeRetry } from './retry.ts'
import type { RemoteManifest } from './types.ts'

/** Bytes that make a broken transfer count as progress. */
const WORTH_A_BREAK = 1024 * 1024

/** Gets a manifest from the first mirror that has it, or from the registry. */
export function pullManifest(
  connection: Connection,
  ref: Reference,
  { signal, direct = false }: { signal: AbortSignal; direct?: boolean },
): Promise<RemoteManifest> {
  const what = `pull "${familiarReference(ref)}"`
  const endpoints = direct ? [registryEndpoint(ref, connection.registries)] : pullEndpoints(ref, connection.registries)
  return fromFirst(connection, endpoints, signal, async (endpoint) => {
    const response = await connection.ask(endpoint, {
      what,
      method: 'GET',
      path: `manifests/${ref.digest ?? ref.tag ?? 'latest'}`,
      scopes: [pullScope(endpoint)],
      headers: { accept: ACCEPT.join(', ') },
      expect: [200],
      signal,
    })
    return readManifest(response, { what, host: endpoint.host, wanted: ref.digest, signal })
  })
}

/** Opens a blob; the stream mends itself after breaks by asking for the rest. */
export async function pullBlob(
  connection: Connection,
  ref: Reference,
  descriptor: Descriptor,
  options: { signal: AbortSignal; offset?: number },
): Promise<Readable> {
  const { size } = descriptor
  const offset = options.offset ?? 0
  if (offset >= size) return Readable.from([], { objectMode: false })
  const ended = new AbortController()
  const signal = AbortSignal.any([options.signal, ended.signal])
  const openAt = (position: number) => openBlob(connection, ref, descriptor, { signal, position })
  // The first answer is awaited here, so that a blob which is not there is an error of the call and not of the stream
  let opened = await openAt(offset)
  const source = bytes()
  return new Readable({
    highWaterMark: 256 * 1024,
    read() {
      source.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      )
    },
    // Not `Readable.from`: it waits for the generator, which may wait for a silent registry
    destroy(error, done) {
      ended.abort()
      opened.response.destroy()
      done(error)
    },
  })

  async function* bytes(): AsyncGenerator<Buffer> {
    let position = offset
    let mark = offset
    let failures = 0
    while (true) {
      try {
        let { skip } = opened
        for await (const chunk of opened.response as AsyncIterable<Buffer>) {
          const rest = chunk.subarray(Math.min(skip, chunk.length))
          skip -= chunk.length - rest.length
          if (position + rest.length > size) throw tooLong(opened)
          position += rest.length
          if (rest.length > 0) yield rest
        }
        if (position === size) return
        throw Object.assign(new Error('short body'), { code: 'ECONNRESET' })
      } catch (error) {
        const failure = networkFailure(
          `pull blob ${descriptor.digest} of "${familiarReference(ref)}"`,
          opened.host,
          error,
          signal,
        )
        // A transfer that moves may break as often as it likes; one that stands still may not
        failures = position - mark >= WORTH_A_BREAK ? 1 : failures + 1
        mark = failures === 1 ? position : mark
        await pauseBeforeRetry(failure, failures, { ...connection, signal, patience: PATIENT })
        opened = await openAt(position)
      }
    }
  }

  function tooLong({ host }: OpenBlob): RegistryFailure {
    const message = `Cannot pull blob ${descriptor.digest} of "${familiarReference(ref)}": ${host} sent more than its ${size} bytes`
    return new RegistryFailure('DIGEST_MISMATCH', message, { transience: 'final' })
  }
}

/** A blob's answer; the first `skip` bytes of it were not asked for. */
interface OpenBlob {
  readonly response: IncomingMessage
  readonly skip: number
  readonly host: string
}

function openBlob(
  connection: Connection,
  ref: Reference,
  descriptor: Descriptor,
  { signal, position }: { signal: AbortSignal; position: number },
): Promise<OpenBlob> {
  const what = `pull blob ${descriptor.digest} of "${familiarReference(ref)}"`
  return fromFirst(connection, pullEndpoints(ref, connection.registries), signal, async (endpoint) => {
    const response = await connection.ask(endpoint, {
      what,
      method: 'GET',
      path: `blobs/${descriptor.digest}`,
      scopes: [pullScope(endpoint)],
      headers: position > 0 ? { range: `bytes=${position}-${descriptor.size - 1}` } : {},
      expect: position > 0 ? [200, 206] : [200],
      signal,
    })
    const partial = response.statusCode === 206
    const length = Number(response.headers['content-length'] ?? NaN)
    const start = partial ? Number(/^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1] ?? position) : 0
    const end = start + (Number.isNaN(length) ? descriptor.size - start : length)
    if (start > position || end !== descriptor.size) {
      response.destroy()
      const message = `Cannot ${what}: ${endpoint.host} sent bytes ${start} to ${end}, expected ${position} to ${descriptor.size}`
      throw new RegistryFailure('DIGEST_MISMATCH', message, { transience: 'doubtful' })
    }
    return { response, skip: position - start, host: endpoint.host }
  })
}

/** Whether the registry itself (no mirror) holds a blob in this repository. */
export async function hasBlob(
  connection: Connection,
  request: { endpoint: Endpoint; descriptor: Descriptor; what: string; scopes: readonly string[]; signal: AbortSignal },
): Promise<boolean> {
  const { endpoint, descriptor, ...rest } = request
  const response = await askHead(connection, endpoint, {
    ...rest,
    path: `blobs/${descriptor.digest}`,
    expect: [200, 404],
  })
  return response.statusCode === 200
}

/** The right to read a repository, as token services write it. */
export function pullScope(endpoint: Pick<Endpoint, 'repository'>): string {
  return `repository:${endpoint.repository}:pull`
}
