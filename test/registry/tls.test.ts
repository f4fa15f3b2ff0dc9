import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, type Server, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { RegistryConfig } from '../../src/config/options.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { failureOf, manifestOf } from '../support/registry-bench.ts'
import { CERTIFICATE, KEY } from '../support/registry-certificate.ts'
import { startServer } from '../support/registry-server.ts'

const { signal } = new AbortController()
const held = manifestOf({ manifests: [] })
const answer = { 'content-type': held.descriptor.mediaType }
let folder: string
let port: number
const server = createHttps(
  { cert: CERTIFICATE, key: KEY },
  (_request, response) => void response.writeHead(200, answer).end(held.bytes),
)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-tls-'))
  await writeFile(join(folder, 'ca.pem'), CERTIFICATE)
  port = await listen(server)
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

test('an unknown authority is refused at once, with the ways out', async () => {
  const error = await failureOf(pull(`127.0.0.1:${port}`, { mirrors: [], http: false }))
  expect(error).toMatchObject({ code: 'REGISTRY', hint: expect.stringContaining('ca: FILE') })
  expect(error.message).toContain('self-signed')
})

test('`ca` makes it known', async () => {
  expect(await pull(`127.0.0.1:${port}`, { mirrors: [], http: false, ca: join(folder, 'ca.pem') })).toEqual(held)
})

test('`ca` that cannot be read is a wrong option', async () => {
  const error = await failureOf(pull(`127.0.0.1:${port}`, { mirrors: [], http: false, ca: join(folder, 'none.pem') }))
  expect(error).toMatchObject({ code: 'BAD_OPTION', message: expect.stringContaining('none.pem') })
})

test('what the start of the program kept from Node makes it known, too', async () => {
  const env = { XBUILD_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
  expect(await pull(`127.0.0.1:${port}`, { mirrors: [], http: false }, env)).toEqual(held)
  expect(await pull(`127.0.0.1:${port}`, { mirrors: [], http: false, ca: join(folder, 'ca.pem') }, env)).toEqual(held)
})

test('what was kept from Node and cannot be read leaves its own authorities', async () => {
  const env = { XBUILD_EXTRA_CA_CERTS: join(folder, 'none.pem') }
  const error = await failureOf(pull(`127.0.0.1:${port}`, { mirrors: [], http: false }, env))
  expect(error).toMatchObject({ code: 'REGISTRY', hint: expect.stringContaining('ca: FILE') })
})

test('`insecure` does not ask', async () => {
  expect(await pull(`127.0.0.1:${port}`, { mirrors: [], http: false, insecure: true })).toEqual(held)
})

test('https to a server without TLS is an error with the ways out', async () => {
  const plain = await startServer((_request, response) => void response.end())
  onTestFinished(() => plain.stop())
  const error = await failureOf(pull(plain.host, { mirrors: [], http: false }))
  expect(error).toMatchObject({ code: 'REGISTRY', hint: expect.stringContaining('http: true') })
})

test('a proxy tunnels https and learns only the host', async () => {
  const proxy = await startProxy()
  const env = { HTTPS_PROXY: `http://me:pass%20word@127.0.0.1:${proxy.port}` }
  expect(await pull(`registry.test:${port}`, { mirrors: [], ca: join(folder, 'ca.pem') }, env)).toEqual(held)
  expect(proxy.seen).toEqual([`CONNECT registry.test:${port} Basic ${Buffer.from('me:pass word').toString('base64')}`])
})

test('a proxy forwards plain http', async () => {
  const proxy = await startProxy()
  const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` }
  expect(await pull('registry.test:5000', { mirrors: [], http: true }, env)).toEqual(held)
  expect(proxy.seen).toEqual(['GET http://registry.test:5000/v2/app/manifests/1 undefined'])
})

test('a proxy that refuses is named, without its password', async () => {
  const refusing = createHttp().on(
    'connect',
    (_request, socket) => void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
  )
  const env = { HTTPS_PROXY: `http://me:password@127.0.0.1:${await listen(refusing)}` }
  onTestFinished(() => void refusing.close())
  const error = await failureOf(pull('registry.test', { mirrors: [] }, env))
  expect(error).toMatchObject({
    code: 'REGISTRY',
    message: expect.stringMatching(/the proxy 127\.0\.0\.1:\d+ answered 407/),
  })
  expect(error.message).not.toContain('password')
})

async function pull(host: string, config: RegistryConfig, env: Record<string, string> = {}) {
  const clock = { now: () => 0, random: () => 0, sleep: async () => {} }
  const client = createRegistryClient({ registries: { [host]: config }, env: { HOME: folder, ...env }, clock })
  try {
    return await client.manifest(parseReference(`${host}/app:1`), { signal })
  } finally {
    await client.close()
  }
}

/** Whatever is asked for, the tunnel ends at the TLS server of this file. */
async function startProxy(): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = []
  const proxy = createHttp((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`)
    response.writeHead(200, answer).end(held.bytes)
  })
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`)
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(target).pipe(socket)
    })
    target.on('error', () => socket.destroy())
    socket.on('error', () => target.destroy())
  })
  const at = await listen(proxy)
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return { port: at, seen }
}

async function listen(on: Server): Promise<number> {
  on.listen(0, '127.0.0.1')
  await once(on, 'listening')
  return (on.address() as AddressInfo).port
}
