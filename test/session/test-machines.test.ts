import { expect, test } from 'vitest'
import type { OpenedNode } from '../../src/driver/opened-node.ts'
import type { Emulated, Node } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'
import { machinesFor } from '../../src/session/test-machines.ts'

const ARM = parsePlatform('linux/arm64')

function machine(name: string, native: string, emulated: Emulated['status'] = 'missing'): Node {
  const answer =
    emulated === 'ready'
      ? ({ status: 'ready', emulator: 'qemu' } as const)
      : ({ status: 'missing', reason: 'none', hint: 'none' } as const)
  const platform = native === 'linux/arm64' ? parsePlatform('linux/amd64') : ARM
  return {
    ...{ name, endpoint: name, driver: 'buildkit', slots: 2 },
    native: [parsePlatform(native)],
    emulated: [{ platform, ...answer }],
  }
}
const opened = (node: Node, tests = true): OpenedNode => ({
  ...{
    node,
    tests,
    pushes: false,
    driver: () => Promise.reject(new Error('not wanted')),
    close: async () => undefined,
  },
})
const names = (machines: Parameters<typeof machinesFor>[1], builder?: string) =>
  machinesFor(ARM, machines, builder).map(({ name }) => name)

const here = machine('local', 'linux/amd64', 'ready')
const arm = opened(machine('arm', 'linux/arm64'))
const emulating = opened(machine('emulating', 'linux/amd64', 'ready'))

test('the machine that built an image tests it, then those whose CPU runs it, and this one before others', () => {
  expect(names({ tester: here, nodes: [emulating, arm] }, 'emulating')).toEqual(['emulating', 'arm', 'local'])
  expect(names({ tester: here, nodes: [emulating, arm] }, 'local')).toEqual(['local', 'arm', 'emulating'])
  expect(names({ tester: here, nodes: [emulating, arm] })).toEqual(['arm', 'local', 'emulating'])
})

test('a machine that cannot run the programs, or runs no tests, takes no part, also when it built the image', () => {
  const amd = opened(machine('amd', 'linux/amd64'))
  expect(names({ tester: here, nodes: [amd] }, 'amd')).toEqual(['local'])
  expect(names({ tester: undefined, nodes: [amd, opened(arm.node, false)] }, 'amd')).toEqual([])
})
