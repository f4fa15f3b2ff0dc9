import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type GuardedProxy, openGuardedProxy } from '../../../src/host/http/guarded-socks.ts'

let proxy: GuardedProxy
let echo: Server
beforeEach(async () => {
  proxy = await openGuardedProxy('no-metadata')
  echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
})
afterEach(() => {
  proxy.close()
  echo.close()
})

async function read(socket: Socket): Promise<Buffer> {
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  return bytes
}

/** Asks for a host by name, as `socks5h` does; gives the status of the answer. */
async function ask(host: string, password = new URL(proxy.url).password) {
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
  socket.write(Buffer.of(5, 2, 0, 2))
  expect(await read(socket)).toEqual(Buffer.of(5, 2))
  socket.write(Buffer.concat([Buffer.of(1, 1, 0x78, password.length), Buffer.from(password)]))
  const login = await read(socket)
  if (login[1] !== 0) return { socket, status: 'no login' }
  const port = Buffer.alloc(2)
  port.writeUInt16BE((echo.address() as AddressInfo).port)
  socket.write(Buffer.concat([Buffer.of(5, 1, 0, 3, host.length), Buffer.from(host), port]))
  return { socket, status: (await read(socket))[1] }
}

test('a host that is admitted is connected to, and bytes go both ways', async () => {
  proxy.admit('LOCALHOST')
  const { socket, status } = await ask('localhost')
  expect(status).toBe(0)
  socket.write('hello')
  expect((await read(socket)).toString()).toBe('hello')
  expect(proxy.refusal()).toBeUndefined()
  socket.destroy()
})

test.each([
  ['localhost', 'example.org', /this machine itself/],
  ['127.0.0.1', 'example.org', /this machine itself/],
  ['2130706433', 'example.org', /this machine itself/],
  ['169.254.169.254', '169.254.169.254', /link-local or metadata/],
  ['2852039166', 'localhost', /link-local or metadata/],
])('%s is refused after %s was named', async (host, named, said) => {
  proxy.admit(named)
  const { status } = await ask(host)
  expect(status).toBe(2)
  expect(proxy.refusal()?.message).toMatch(said)
})

test('nobody else may use it', async () => {
  proxy.admit('localhost')
  expect((await ask('localhost', 'guessed')).status).toBe('no login')
})
