import { lstatSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { forwardAgent } from '../../src/engine/worker/forward-agent.ts'
import { tempFolder } from '../support/temp-folder.ts'

const FAILURE = '0000000105'
let folder: string
let agent: Server
let received: Buffer
let forwarded: Awaited<ReturnType<typeof forwardAgent>>

/** An agent that keeps what it gets, and answers each chunk with `answer`. */
beforeEach(async () => {
  folder = tempFolder()
  received = Buffer.alloc(0)
  agent = createServer((client) =>
    client.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      client.write(Buffer.from('000000020c00', 'hex'))
    }),
  )
  await new Promise<void>((resolve) => agent.listen(join(folder, 'agent'), resolve))
  forwarded = await forwardAgent(join(folder, 'agent'), {
    folder,
    name: 'own',
    owner: { uid: process.getuid!(), gid: process.getgid!(), mode: 0o640 },
  })
})
afterEach(async () => {
  forwarded.close()
  await new Promise((resolve) => agent.close(resolve))
})

/**
 * Sends bytes in pieces; resolves to the first `length` bytes of the answer, or to what came before the connection
 * ended.
 */
function ask(pieces: readonly string[], length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = connect(forwarded.path)
    let answer = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      if (answer.length >= length) client.destroy()
    })
    client.once('close', () => resolve(answer.toString('hex')))
    client.once('error', reject)
    for (const piece of pieces) client.write(Buffer.from(piece, 'hex'))
  })
}

test('the socket has the owner and mode that were asked for', () => {
  const { mode, uid } = lstatSync(forwarded.path)
  expect([mode & 0o777, uid]).toEqual([0o640, process.getuid!()])
})

test.each([
  ['the list of keys', '000000010b'],
  ['a signature', '000000030d0102'],
])('%s is asked of the agent', async (_, message) => {
  expect(await ask([message], 6)).toBe('000000020c00')
  expect(received.toString('hex')).toBe(message)
})

test('a message in pieces is one', async () => {
  expect(await ask(['0000', '00030d', '01', '02'], 6)).toBe('000000020c00')
  expect(received.toString('hex')).toBe('000000030d0102')
})

test.each([
  ['adding a key', '0000000211aa'],
  ['adding one with limits', '0000000219aa'],
  ['removing a key', '0000000212aa'],
  ['removing all', '0000000113'],
  ['locking', '0000000216aa'],
  ['a smart card', '0000000214aa'],
  ['an extension', '000000021baa'],
])('%s is refused, and the agent not told', async (_, message) => {
  expect(await ask([message], 5)).toBe(FAILURE)
  expect(received.length).toBe(0)
})

test('a refused message between others hides none of them', async () => {
  expect(await ask(['0000000113' + '000000010b'], 11)).toMatch(/^(0000000105000000020c00|000000020c000000000105)$/)
  expect(received.toString('hex')).toBe('000000010b')
})

test('a message longer than any ends the connection', async () => {
  expect(await ask(['0fffffff0b'], 1)).toBe('')
  expect(received.length).toBe(0)
})
