import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stageFile } from '../../src/host/staging.ts'
import { tempFolder } from '../support/temp-folder.ts'

async function* pieces() {
  yield Buffer.from('one ')
  yield Buffer.alloc(1 << 20, 'x')
}

function pipe(): string {
  const path = join(tempFolder(), 'pipe')
  expect(spawnSync('mkfifo', [path]).status).toBe(0)
  return path
}

test('a pipe that nobody reads can be given up', async () => {
  const stop = new AbortController()
  const written = stageFile(pipe(), pieces(), { signal: stop.signal })
  setImmediate(() => stop.abort())
  await expect(written).rejects.toThrow()
})

test('a pipe gets all of it, also when its reader comes later', async () => {
  const path = pipe()
  const written = stageFile(path, pieces(), { signal: new AbortController().signal })
  const reader = spawn('wc', ['-c', path])
  let said = ''
  reader.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await Promise.all([written, once(reader, 'close')])
  expect(said).toMatch(new RegExp(`^${(1 << 20) + 4} `))
})

test('a socket cannot be written', async () => {
  const path = join(tempFolder(), 'socket')
  const server = createServer().listen(path)
  await once(server, 'listening')
  await expect(stageFile(path, pieces(), { signal: new AbortController().signal })).rejects.toThrow(/Cannot write/)
  server.close()
})
