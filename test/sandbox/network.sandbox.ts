import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())
const servers: Server[] = []
const ports: number[] = []

/** Services of this machine that answer whoever connects. */
beforeAll(async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer((socket) => socket.end('reached\n'))
    await new Promise<void>((resolve) => server.listen(0, host, resolve))
    servers.push(server)
    ports.push((server.address() as { port: number }).port)
  }
})

afterAll(() => servers.forEach((server) => void server.close()))

function connectTo(): string {
  const [four, six] = ports
  return `RUN for to in "127.0.0.1 ${four}" "::1 ${six}"; do nc -w 2 $to </dev/null 2>&1 | sed "s/^/$to: /"; done; echo tried\n`
}

test.each(MODES)('a %s step does not reach services on the loopback of this machine', async (mode) => {
  const { code, stderr } = await sandbox.build(mode, { Dockerfile: `FROM busybox\n${connectTo()}` }, [
    '--network',
    'private',
  ])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('tried')
  expect(stderr).not.toContain(': reached')
})

test('a step with the network of this machine reaches them', async () => {
  const { code, stderr } = await sandbox.build('native', { Dockerfile: `FROM busybox\n${connectTo()}` }, [
    '--network',
    'host',
    '--no-cache',
  ])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain(': reached')
})

test.each(MODES)('a %s step sees no abstract socket of this machine', async (mode) => {
  const { code, stderr } = await sandbox.build(
    mode,
    { Dockerfile: 'FROM busybox\nRUN grep -c " @" /proc/net/unix | sed "s/^/sockets: /"; exit 0\n' },
    ['--network', 'private'],
  )
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('sockets: 0')
})

test('a proxy on the loopback of this machine is told once, with the way out', async () => {
  const { code, stderr } = await sandbox.build('native', { Dockerfile: 'FROM busybox\nRUN echo a\nRUN echo b\n' }, [
    '--build-arg',
    'HTTP_PROXY=http://127.0.0.1:3128',
    '--network',
    'private',
    '--no-cache',
  ])
  expect(code, stderr).toBe(0)
  expect(stderr.match(/is a loopback address/g)).toHaveLength(1)
  expect(stderr).toContain('--network host')
})
