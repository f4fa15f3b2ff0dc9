import { create, toBinary } from '@bufbuild/protobuf'
import { duplexPair } from './duplex-pair.ts'
import { describe, expect, test } from 'vitest'
import { Control, VertexLogSchema } from '../../../src/driver/buildkit/gen/control_pb.ts'
import { FileSync } from '../../../src/driver/buildkit/gen/filesync_pb.ts'
import { Health, HealthCheckResponse_ServingStatus } from '../../../src/driver/buildkit/gen/health_pb.ts'
import { StatusSchema } from '../../../src/driver/buildkit/gen/status_pb.ts'
import { connectGrpc } from '../../../src/driver/buildkit/grpc/client.ts'
import { createDeframer, frame } from '../../../src/driver/buildkit/grpc/frames.ts'
import { serveGrpc, serveStream, serveUnary, type Served } from '../../../src/driver/buildkit/grpc/server.ts'
import { GrpcFailure, readStatus, statusTrailers } from '../../../src/driver/buildkit/grpc/status.ts'

const signal = new AbortController().signal

describe('frames', () => {
  const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(3000, 'x'), Buffer.from('end')]

  test.each([1, 3, 7, 1000, 1 << 20])('come back however they are cut: %i bytes at a time', (size) => {
    const bytes = Buffer.concat(messages.map((message) => frame(message)))
    const deframer = createDeframer(1 << 20)
    const found: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size)
      found.push(...deframer.push(bytes.subarray(at, at + size)).map((message) => Buffer.from(message)))
    expect(found).toEqual(messages)
    expect(deframer.isEmpty()).toBe(true)
  })

  test('are refused when they are too long, or compressed', () => {
    expect(() => createDeframer(10).push(frame(Buffer.alloc(11)))).toThrow('11 bytes')
    expect(() => createDeframer(10).push(Buffer.from([1, 0, 0, 0, 0]))).toThrow('compressed')
  })
})

describe('status', () => {
  test('keeps any text', () => {
    const trailers = statusTrailers({ code: 5, message: '100 % "größe"\n日本' })
    expect(trailers['grpc-message']).toMatch(/^[\x20-\x7e]*$/)
    expect(readStatus(trailers)).toMatchObject({ code: 5, message: '100 % "größe"\n日本' })
  })

  test('reads details in JSON, and passes over others', () => {
    const details = [
      {
        typeUrl: 'github.com/moby/buildkit/errdefs.Source+json',
        value: Buffer.from('{"ranges":[{"start":{"line":3}}]}'),
      },
      { typeUrl: 'type.googleapis.com/other', value: Buffer.from([1, 2]) },
    ]
    const bytes = Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code: 2, message: 'm', details })))
    const status = readStatus({
      'grpc-status': '2',
      'grpc-message': 'broken %zz text',
      'grpc-status-details-bin': bytes.toString('base64'),
    })
    expect(status).toMatchObject({
      code: 2,
      message: 'broken %zz text',
      details: [{ type: 'errdefs.Source', value: { ranges: [{ start: { line: 3 } }] } }],
    })
    expect(readStatus({ 'grpc-status': '2', 'grpc-status-details-bin': '!!!' })).toMatchObject({ details: [] })
  })
})

async function connected(services: readonly Served[], failures: unknown[] = []) {
  const [here, there] = duplexPair()
  const server = serveGrpc(there, services, (error) => failures.push(error))
  const client = await connectGrpc(here, { signal })
  return { client, server, here, close: () => (client.close(), server.close()) }
}

describe('calls', () => {
  test('one request, one answer; names are looked up without regard to case', async () => {
    const upper: Served = {
      ...serveUnary(Health.method.check, ({ service }) => ({
        status: service === 'x' ? HealthCheckResponse_ServingStatus.SERVING : HealthCheckResponse_ServingStatus.UNKNOWN,
      })),
      path: '/GRPC.Health.V1.health/CHECK',
    }
    const { client, close } = await connected([upper])
    expect(await client.unary(Health.method.check, { service: 'x' })).toMatchObject({ status: 1 })
    close()
  })

  test('values of metadata are never joined', async () => {
    let seen: readonly string[] = []
    const { client, close } = await connected([
      serveUnary(Health.method.check, (_, metadata) => ((seen = metadata.all('exclude-patterns')), {})),
    ])
    await client.unary(Health.method.check, {}, { metadata: { 'Exclude-Patterns': ['a, b', 'c'] } })
    expect(seen).toEqual(['a, b', 'c'])
    close()
  })

  test('a refusal comes through with its code, an unknown method is unimplemented', async () => {
    const failures: unknown[] = []
    const { client, close } = await connected(
      [serveUnary(Health.method.check, () => Promise.reject(new GrpcFailure(5, 'not here')))],
      failures,
    )
    await expect(client.unary(Health.method.check, {})).rejects.toMatchObject({ code: 5, message: 'not here' })
    await expect(client.unary(Control.method.info, {})).rejects.toMatchObject({ code: 12 })
    expect(failures).toHaveLength(2)
    close()
  })

  test('streams go both ways, with more than fits into the windows', async () => {
    const echo = serveStream(FileSync.method.diffCopy, async ({ requests, send }) => {
      for await (const packet of requests) await send({ data: packet.data, ID: packet.ID + 1 })
    })
    const { client, close } = await connected([echo])
    const call = client.open(FileSync.method.diffCopy)
    const sent = (async () => {
      for (let id = 0; id < 400; id++) await call.send({ ID: id, data: Buffer.alloc(32 << 10, id) })
      call.end()
    })()
    let next = 1
    for await (const { ID, data } of call.messages) {
      if (ID !== next || data.length !== 32 << 10 || data[0] !== (next - 1) % 256)
        expect.unreachable(`packet ${ID} came as ${next}`)
      next++
    }
    expect(next).toBe(401)
    await Promise.all([sent, call.ended])
    close()
  })

  test('an abort ends the call on both sides', async () => {
    const stop = new AbortController()
    const failures: unknown[] = []
    const seen = new Promise<string>((resolve) => {
      const hang = serveStream(FileSync.method.diffCopy, async ({ requests }) => {
        try {
          for await (const packet of requests) if (packet.ID === 1) stop.abort()
          resolve('ended')
        } catch {
          resolve('failed')
        }
      })
      void connected([hang], failures).then(async ({ client, close }) => {
        const call = client.open(FileSync.method.diffCopy, { signal: stop.signal })
        await call.send({ ID: 1 })
        await expect(call.ended).rejects.toMatchObject({ code: 1 })
        setImmediate(close)
      })
    })
    expect(['ended', 'failed']).toContain(await seen)
  })

  test('a broken connection fails everything that waits on it', async () => {
    const { client, here, server } = await connected([serveUnary(Health.method.check, () => new Promise(() => {}))])
    const waiting = client.unary(Health.method.check, {})
    setImmediate(() => here.destroy())
    await expect(waiting).rejects.toMatchObject({ code: 14 })
    await expect(client.gone).resolves.toMatchObject({ code: 14 })
    await expect(client.unary(Health.method.check, {})).rejects.toMatchObject({ code: 14 })
    server.close()
  })

  test('what does not speak HTTP/2 is no server', async () => {
    const [here, there] = duplexPair()
    there.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    await expect(connectGrpc(here, { signal })).rejects.toMatchObject({ code: 14 })
    const [near, far] = duplexPair()
    far.end()
    await expect(connectGrpc(near, { signal })).rejects.toMatchObject({ code: 14 })
  })

  test('a message that cannot be read fails the call, not the connection', async () => {
    const bad: Served = {
      path: '/grpc.health.v1.Health/Check',
      serve: async (stream) => void stream.write(frame(Buffer.from([0xff, 0xff, 0xff]))),
    }
    const { client, close } = await connected([bad])
    await expect(client.unary(Health.method.check, {})).rejects.toBeInstanceOf(GrpcFailure)
    await expect(client.unary(Control.method.info, {})).rejects.toMatchObject({ code: 12 })
    close()
  })
})

test('fields of the subset have the numbers of the originals', () => {
  // VertexLog: vertex 1, stream 3, msg 4
  expect([
    ...toBinary(VertexLogSchema, create(VertexLogSchema, { vertex: 'v', stream: 2n, msg: Buffer.from('m') })),
  ]).toEqual([0x0a, 1, 0x76, 0x18, 2, 0x22, 1, 0x6d])
})
