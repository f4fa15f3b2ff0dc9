import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDownloader, type Downloader } from '../../src/source/http.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()
let server: FileServer
let other: FileServer
let store: Store
let downloader: Downloader

beforeEach(async () => {
  ;[server, other] = await Promise.all([startFileServer(), startFileServer()])
  store = await openStore(tempFolder())
  downloader = createDownloader({ store, env: {} })
})
afterEach(async () => {
  downloader.close()
  await Promise.all([server.close(), other.close()])
})

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

test("the bytes are a blob, the time is the server's", async () => {
  server.files.set('/f', { body: 'text', lastModified: 'Thu, 01 Jan 1970 00:01:40 GMT' })
  const file = await downloader.download(`${server.url}/f`, { signal })
  expect(file).toMatchObject({ digest: digestOf('text'), size: 4, mtime: 100 })
  expect(readFileSync(store.blobs.path(file.digest), 'utf8')).toBe('text')
  expect(readdirSync(store.folder.tmp)).toEqual([])
})

test.each(['not a date', 'Thu, 01 Jan 1920 00:00:00 GMT'])('a time of "%s" is none', async (lastModified) => {
  server.files.set('/f', { body: 'text', lastModified })
  expect(await downloader.download(`${server.url}/f`, { signal })).toMatchObject({ mtime: 0 })
})

test('a damaged blob is downloaded again, not asked about', async () => {
  server.files.set('/f', { body: 'text' })
  const { digest } = await downloader.download(`${server.url}/f`, { signal })
  writeFileSync(store.blobs.path(digest), 'TEXT')
  await downloader.download(`${server.url}/f`, { signal })
  expect(server.log).toEqual(['GET /f 200', 'GET /f 200'])
})

test('a login goes to the host of the URL and to no other', async () => {
  const seen: (string | undefined)[] = []
  const see =
    (next?: string): RequestListener =>
    (request, response) => {
      seen.push(request.headers.authorization)
      if (next === undefined) response.end('x')
      else response.writeHead(302, { location: next }).end()
    }
  server.files.set('/first', see('/second'))
  server.files.set('/second', see(`${other.url}/third`))
  other.files.set('/third', see())
  await downloader.download(`${server.url.replace('//', '//me:s%20cret@')}/first`, { signal })
  const login = `Basic ${Buffer.from('me:s cret').toString('base64')}`
  expect(seen).toEqual([login, login, undefined])
})

test('a proxy of the environment is used', async () => {
  other.files.set('http://files.example.org/f', { body: 'through the proxy' })
  const through = createDownloader({ store, env: { HTTP_PROXY: other.url } })
  const file = await through.download('http://files.example.org/f', { signal })
  through.close()
  expect(file.digest).toBe(digestOf('through the proxy'))
})

test('too many bytes, another checksum, no room for patience: nothing stays', async () => {
  server.files.set('/f', { body: 'text' })
  server.files.set('/none', (_, response: ServerResponse) => void response.writeHead(403).end())
  await expect(downloader.download(`${server.url}/f`, { signal, limit: 3 })).rejects.toThrow('more than 3 bytes')
  await expect(downloader.download(`${server.url}/f`, { signal, checksum: digestOf('x') })).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
  })
  await expect(downloader.download(`${server.url}/none`, { signal })).rejects.toMatchObject({ code: 'AUTH' })
  await expect(downloader.download(`${server.url}/none`, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'CANCELED',
  })
  expect(readdirSync(store.folder.tmp)).toEqual([])
})

test('a secret for the server is its login, and for no other one', async () => {
  const seen: (string | undefined)[] = []
  const own = createDownloader({
    store,
    env: {},
    secret: async (id) => (id === `HTTP_AUTH_TOKEN_${new URL(server.url).host}` ? Buffer.from('secret\n') : undefined),
  })
  server.files.set('/f', (request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(302, { location: `${other.url}/g` }).end()
  })
  other.files.set('/g', (request, response) => {
    seen.push(request.headers.authorization)
    response.end('text')
  })
  await own.download(`${server.url}/f`, { signal })
  await own.download(`http://user:word@${new URL(server.url).host}/f`, { signal })
  own.close()
  expect(seen).toEqual(['Bearer secret', undefined, `Basic ${Buffer.from('user:word').toString('base64')}`, undefined])
})

test.each(['HTTP_AUTH_TOKEN_127.0.0.1', 'HTTP_AUTH_HEADER_127.0.0.1'])(
  'a secret for the host alone is for https on its own port, and is not sent elsewhere: %s',
  async (name) => {
    const seen: unknown[] = []
    const own = createDownloader({
      store,
      env: {},
      secret: async (id) => (id === name ? Buffer.from('secret') : undefined),
    })
    server.files.set('/f', (request, response) => {
      seen.push(request.headers.authorization)
      response.end('text')
    })
    await expect(own.download(`${server.url}/f`, { signal })).rejects.toMatchObject({
      code: 'AUTH',
      hint: expect.stringContaining(new URL(server.url).host),
    })
    own.close()
    expect(seen).toEqual([])
  },
)

test('a server elsewhere does not lead into this machine, nor to metadata services', async () => {
  server.files.set('/f', { body: 'inside' })
  const guarded = createDownloader({ store, env: {}, reach: 'no-metadata' })
  const strict = createDownloader({ store, env: {}, reach: 'no-loopback' })
  try {
    await expect(strict.download(`${server.url}/f`, { signal })).rejects.toThrow('an address of this machine itself')
    const byName = server.url.replace('127.0.0.1', 'localhost')
    await expect(strict.download(`${byName}/f`, { signal })).rejects.toThrow(/localhost": it is .*this machine itself/)
    expect(server.log).toEqual([])
    expect(await guarded.download(`${server.url}/f`, { signal })).toMatchObject({ size: 6 })

    // Named otherwise, the same server is no loopback that the URL itself names
    const elsewhere = server.url.replace('127.0.0.1', '0.0.0.0')
    server.files.set('/away', (_, response) => response.writeHead(302, { location: `${server.url}/f` }).end())
    await expect(guarded.download(`${elsewhere}/away`, { signal })).rejects.toThrow('an address of this machine itself')
    expect(await guarded.download(`${server.url}/away`, { signal })).toMatchObject({ size: 6 })
    server.files.set('/cloud', (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end())
    await expect(guarded.download(`${server.url}/cloud`, { signal })).rejects.toThrow(
      'Cannot connect to "169.254.169.254": it is a link-local or metadata address',
    )
  } finally {
    guarded.close()
    strict.close()
  }
})

test('an answer that nothing has changed, to who has nothing, is an error', async () => {
  server.files.set('/f', (_request, response) => void response.writeHead(304).end())
  await expect(downloader.download(`${server.url}/f`, { signal })).rejects.toThrow('304')
  expect(readdirSync(store.folder.tmp)).toEqual([])
})
