import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { withBases, writeFiles } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { xbuild, type Ended } from '../e2e/support/xbuild.ts'
import { startHostileNode, writeContent } from '../support/hostile-node.ts'

/** Stores on file systems that are full, or may only be read. */
const folder = tempFolder()
const disk = join(folder, 'disk')
const store = join(disk, 'store')
let bases: string[]

beforeAll(async () => {
  bases = await withBases('busybox')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=755', 'none', disk])
})
afterAll(() => void execFileSync('umount', ['--lazy', disk]))

function expectPlainError({ code, stderr }: Ended): void {
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/^error: Cannot /m)
  expect(stderr).toMatch(/no space left|No space left|ENOSPC|free|full/i)
  expect(stderr).not.toMatch(/^\s+at .*js:\d|unhandled/im)
}

test('a full disk ends a build with an error that says so', async () => {
  const files = { Dockerfile: 'FROM busybox\nCOPY big /\nRUN true\n', big: Buffer.alloc(40 << 20) }
  const context = writeFiles(join(folder, 'big'), files)
  expectPlainError(await xbuild(['--progress', 'plain', '--network', 'none', ...bases, context], { store }))
})

test('a node that fills the store ends its build, and leaves nothing of it', async () => {
  const context = writeFiles(join(folder, 'node'), { Dockerfile: 'FROM scratch\nCOPY . /\n' })
  const node = await startHostileNode(join(folder, 'socket'), async ({ session }) => {
    const data = Buffer.alloc(2 << 20)
    for (let n = 0; n < 30; n += 1) {
      data.writeUInt32BE(n)
      await writeContent(session, 'export', { digest: sha256(data), data })
    }
    return {}
  })
  try {
    const args = ['--builder', node.endpoint, '--network', 'host', '--progress', 'plain', context]
    expectPlainError(await xbuild(args, { store, env: { HOME: folder } }))
  } finally {
    await node.stop()
  }
})

test('a server whose answer has no end does not get the last of the disk', async () => {
  const piece = Buffer.alloc(1 << 16)
  const server = createServer((_request, response) => {
    const more = () => void (response.destroyed || response.write(piece, () => setImmediate(more)))
    more()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const Dockerfile = `FROM scratch\nADD http://127.0.0.1:${port}/file /\n`
  const context = writeFiles(join(folder, 'endless'), { Dockerfile })
  try {
    const ended = await xbuild(['--progress', 'plain', context], { store })
    expectPlainError(ended)
    expect(ended.stderr).toMatch(/the disk is nearly full/)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a store that may only be read is shown after a boot, and refused for a build', async () => {
  writeFileSync(join(store, 'boot'), 'another boot\n')
  execFileSync('mount', ['-o', 'remount,ro', disk])
  try {
    const shown = await xbuild(['du'], { store })
    expect(shown.code, shown.stderr).toBe(0)
    const context = writeFiles(join(folder, 'small'), { Dockerfile: 'FROM busybox\nRUN true\n' })
    const { code, stderr } = await xbuild(['--progress', 'plain', '--network', 'none', ...bases, context], { store })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: Cannot .*(read-only|EROFS)/m)
    expect(stderr).not.toMatch(/^\s+at /m)
  } finally {
    execFileSync('mount', ['-o', 'remount,rw', disk])
  }
})
