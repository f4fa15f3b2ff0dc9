import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDockerd, startPodman } from '../support/daemons.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { run, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
let registry: DebianRegistry
let image: string

beforeAll(async () => {
  registry = await startRegistry()
  image = `${registry.host}/app:1`
  const context = writeFiles(join(folder, 'context'), {
    Dockerfile:
      'FROM busybox\nRUN uname -m > /machine\nENV WORD=hello\nWORKDIR /srv\nCMD echo $WORD $(cat /machine) $PWD\n',
  })
  const args = [
    '--platform',
    'linux/amd64,linux/arm64',
    '-t',
    image,
    '--push',
    ...(await withBases('busybox')),
    context,
  ]
  const built = await xbuild(args, { store: join(folder, 'store') })
  expect(built.code, built.stderr).toBe(0)
})
afterAll(() => registry.stop())

const expected = `hello ${process.arch === 'arm64' ? 'aarch64' : 'x86_64'} /srv\n`

test('Podman pulls and runs what was published', async () => {
  const podman = await startPodman()
  try {
    const args = ['--remote', '--url', podman.endpoint, 'run', '--rm', '--tls-verify=false', '--network=none', image]
    const { code, stdout, stderr } = await run('podman', args)
    expect(code, `${stderr}\n${podman.log()}`).toBe(0)
    expect(stdout).toBe(expected)
  } finally {
    await podman.stop()
  }
})

test('Docker pulls and runs what was published', async () => {
  const dockerd = await startDockerd()
  try {
    const args = ['-H', dockerd.endpoint, 'run', '--rm', '--network=none', image]
    const { code, stdout, stderr } = await run('docker', args)
    expect(code, `${stderr}\n${dockerd.log()}`).toBe(0)
    expect(stdout).toBe(expected)
  } finally {
    await dockerd.stop()
  }
})
