import { expect, test } from 'vitest'
import { localNode } from '../../src/nodes/local.ts'
import { parsePlatform, platformOfNodeArch } from '../../src/platform.ts'

const own = platformOfNodeArch(process.arch)
const options = { env: process.env, signal: new AbortController().signal, slots: 3 }

test('this machine runs its own platform, and needs no emulator for it', async () => {
  const node = await localNode({ ...options, wanted: [own] })
  expect(node).toMatchObject({ name: 'local', driver: 'embedded', emulated: [], slots: 3 })
  expect(node.native[0]).toEqual(own)
})

test('what no emulator exists for is missing, with reason and way out', async () => {
  const { emulated } = await localNode({
    ...options,
    wanted: ['windows/amd64', 'linux/sparc64'].map((text) => parsePlatform(text)),
  })
  expect(emulated).toEqual([
    {
      platform: { os: 'windows', architecture: 'amd64' },
      status: 'missing',
      reason: 'there is no emulator for windows programs',
      hint: 'Add a node that runs them',
    },
    {
      platform: { os: 'linux', architecture: 'sparc64' },
      status: 'missing',
      reason: 'there is no emulator for sparc64 programs',
      hint: 'Add a node that runs them',
    },
  ])
})
