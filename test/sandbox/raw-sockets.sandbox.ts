import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())
const CAP_NET_RAW = 1n << 13n

/** The capabilities that the programs of a step can ever have. */
async function bounding(mode: (typeof MODES)[number], ...args: string[]): Promise<bigint> {
  const files = { Dockerfile: 'FROM busybox\nRUN grep CapBnd /proc/self/status\n' }
  const { code, stderr } = await sandbox.build(mode, files, ['--no-cache', ...args])
  expect(code, stderr).toBe(0)
  return BigInt(`0x${/CapBnd:\s*([0-9a-f]+)/.exec(stderr)![1]}`)
}

test.each(MODES)('a %s step on the network of the machine has no raw sockets', async (mode) => {
  expect((await bounding(mode, '--network', 'host')) & CAP_NET_RAW).toBe(0n)
  expect((await bounding(mode, '--network', 'none')) & CAP_NET_RAW).toBe(CAP_NET_RAW)
})
