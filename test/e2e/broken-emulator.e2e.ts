import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { brokenEmulator, type Fault } from '../support/broken-emulator.ts'
import { startPodman, type Daemon } from '../support/daemons.ts'
import { baseLayer } from './support/base-layer.ts'
import { runImage, writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { startXbuild, type Ended } from './support/xbuild.ts'

// An emulator that crashes, or says nothing for ever, on this machine; and a node whose emulator is a good one
const PLATFORM = 'linux/riscv64'
const folder = tempFolder()
const store = join(folder, 'store')
let podman: Daemon
let count = 0

beforeAll(async () => {
  podman = await startPodman({ emulates: ['riscv64'] })
})

afterAll(async () => {
  await podman?.stop()
})

async function build(
  fault: Fault,
  nodes: readonly string[],
  ...args: readonly string[]
): Promise<Ended & { readonly out: string }> {
  const name = `case-${++count}`
  const context = writeFiles(join(folder, name), {
    Dockerfile: `FROM scratch\nADD base.tar.gz /\nENV CASE=${count}\nRUN echo begun; uname -m > /machine\n`,
  })
  copyFileSync(await baseLayer('riscv64'), join(context, 'base.tar.gz'))
  const out = join(folder, `${name}.out`)
  const PATH = `${brokenEmulator(join(folder, fault), 'riscv64', fault)}:${process.env['PATH']}`
  const ended = startXbuild(
    [
      '--builder',
      nodes.join(','),
      '--network',
      'host',
      '--platform',
      PLATFORM,
      '-o',
      `type=oci,dest=${out}`,
      ...args,
      context,
    ],
    { store, env: { PATH } },
  ).ended
  return { ...(await ended), out }
}

test('an emulator that crashes: the job goes on under another one', async () => {
  const { code, stderr, out } = await build('crash', ['local', podman.endpoint])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain(`moves from local to ${podman.endpoint} (emulate): Cannot run "`)
  expect(stderr).toContain('the emulator or the emulated program crashed (exit code 139)')
  expect((await runImage(out, PLATFORM, ['/bin/cat', '/machine'])).stdout).toBe('riscv64\n')
  expect(await leftovers(store)).toEqual(CLEAN)
})

// Long enough for the other engine, however loaded the machine is
test('an emulator that hangs: a silent step is stopped, and the job goes on under another one', async () => {
  const { code, stderr, out } = await build('hang', ['local', podman.endpoint], '--silence-timeout', '15s')
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/moves from local to .*: Cannot finish ".*": it printed nothing for 15 s/)
  expect((await runImage(out, PLATFORM, ['/bin/cat', '/machine'])).stdout).toBe('riscv64\n')
  expect(await leftovers(store)).toEqual(CLEAN)
})

test('where there is no other emulator, the error names it', async () => {
  const { code, stdout, stderr } = await build('crash', ['local'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^error: Cannot run ".*": the emulator or the emulated program crashed \(exit code 139\)/m)
  expect(await leftovers(store)).toEqual(CLEAN)
})
