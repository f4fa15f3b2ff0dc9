import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseEndpoint } from '../../src/config/endpoint.ts'
import { localNode } from '../../src/nodes/local.ts'
import { openNodes } from '../../src/nodes/open.ts'
import { platformOfNodeArch } from '../../src/platform.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const NATIVE = platformOfNodeArch(process.arch)

/** Opens a node that takes connections and says nothing; `here`: beside this machine. */
async function openSilent({ here, signal = new AbortController().signal }: { here: boolean; signal?: AbortSignal }) {
  const folder = tempFolder()
  const path = join(folder, 'silent.sock')
  const server = createServer((socket) => void socket.on('error', () => undefined).resume()).listen(path)
  await once(server, 'listening')
  const said: string[] = []
  const local = { name: 'local', endpoint: parseEndpoint('local', 'test'), origin: 'test' }
  const silent = { name: 'silent', endpoint: parseEndpoint(`unix://${path}`, 'test'), origin: 'test' }
  try {
    const opened = await openNodes(here ? [local, silent] : [silent], {
      env: {},
      store: await openStore(folder),
      signal,
      wanted: [NATIVE],
      ...(here ? { here: localNode({ wanted: [NATIVE], env: {}, signal, slots: 1 }) } : {}),
      alike: true,
      warn: (message) => said.push(message),
    })
    return { opened, said }
  } finally {
    server.close()
  }
}

test('a silent node is named while it is waited for, and given up early where this machine can do it all', async () => {
  const { opened, said } = await openSilent({ here: true })
  expect(said).toEqual(['Waiting for silent: it has not answered for 5 s'])
  expect(opened.nodes).toEqual([])
  expect(opened.lost).toEqual([{ name: 'silent', because: expect.stringMatching(/: no answer within \d+ s$/) }])
  // The full limit of a socket
  expect(opened.lost[0]!.because).not.toContain('within 15 s')
})

test('an interrupt ends the wait for the only node', async () => {
  const stop = new AbortController()
  const opening = openSilent({ here: false, signal: stop.signal })
  const why = new Error('interrupted')
  stop.abort(why)
  await expect(opening).rejects.toBe(why)
})
