import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDockerd, type Dockerd } from '../support/daemons.ts'
import { baseLayer } from './support/base-layer.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()

/** A BuildKit that grants the rights that others refuse, and the other way round. */
let node: Dockerd
beforeAll(async () => {
  const entitlements = { 'network-host': false, 'security-insecure': true }
  node = await startDockerd({ config: { builder: { entitlements } } })
})
afterAll(() => node?.stop())

let cases = 0
async function build(lines: string, args: readonly string[]) {
  const context = writeFiles(join(folder, `context-${++cases}`), {
    Dockerfile: `FROM scratch\nADD base.tar.gz /\n${lines}`,
  })
  copyFileSync(await baseLayer(), join(context, 'base.tar.gz'))
  return xbuild(['--builder', node.endpoint, '-o', 'type=cacheonly', ...args, context], {
    store: join(folder, 'store'),
    env: { HOME: folder, DOCKER_CONFIG: join(folder, 'docker') },
  })
}

test.each([
  ['--network', 'host'],
  ['--allow', 'network.host'],
])('a node that does not grant the network of its machine refuses %s %s', async (...args) => {
  const { code, stderr } = await build('RUN true\n', args)
  expect(code, stderr).toBe(2)
  expect(stderr).toMatch(/^error: Cannot build on ".*": granting entitlement network\.host is not allowed/m)
})

test('what nobody asked for is refused before a node is asked', async () => {
  const { code, stderr } = await build('RUN --network=host true\n', [])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain('the build does not allow it the network of the host')
})

test('a right that the node grants, and this machine never does, reaches the node', async () => {
  const { code, stderr } = await build('', ['--allow', 'security.insecure'])
  expect(code, stderr).toBe(0)
})
