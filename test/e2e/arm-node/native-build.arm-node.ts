import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ARCHITECTURES, binfmtRegistration } from '../../../src/emulation/architectures.ts'
import { handlerProof, TWIN_STATUS } from '../../../src/emulation/packs/proof.ts'
import { PROBE_STATUS } from '../../../src/emulation/probe-program.ts'
import { formatPlatform, type Platform } from '../../../src/platform.ts'
import { fused } from '../../support/fused.ts'
import { baseLayer } from '../support/base-layer.ts'
import { runImage, writeFiles } from '../support/context.ts'
import { CLEAN, leftovers } from '../support/leftovers.ts'
import { root, tempFolder } from '../support/places.ts'
import { runOk, xbuild, type Ended } from '../support/xbuild.ts'
import { armDisk } from './disk.ts'
import { startArmMachine, type ArmMachine } from './machine.ts'
import { prepare } from './prepare.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const context = join(folder, 'context')
const home = join(folder, 'home')
const BOTH = ['--builder', 'local,board', '--network', 'host', '--platform', 'linux/amd64,linux/arm64']
let machine: ArmMachine

beforeAll(async () => {
  machine = await startArmMachine(await armDisk(await prepare()))
  mkdirSync(home)
  // Which kernel a step saw tells where it ran
  writeFiles(context, {
    Dockerfile:
      'FROM scratch\nARG TARGETARCH\nADD base-$TARGETARCH.tar.gz /\nRUN uname -m > /machine; uname -r > /kernel\nCMD ["/bin/cat", "/machine", "/kernel"]\n',
  })
  for (const architecture of ['amd64', 'arm64'])
    copyFileSync(await baseLayer(architecture), join(context, `base-${architecture}.tar.gz`))
})

afterAll(async () => {
  await machine?.stop()
})

async function onNodes(...args: string[]): Promise<Ended> {
  const ended = await xbuild(args, { store, env: { HOME: home, DOCKER_CONFIG: join(home, '.docker'), ...machine.env } })
  expect(ended.code, ended.stderr).toBe(0)
  return ended
}

test('the machine is added over ssh, and says what it is', async () => {
  await onNodes('node', 'add', 'board', machine.endpoint, '--slots', '2')
  const [board] = JSON.parse((await onNodes('node', 'inspect', 'board', '--json', '--timeout', '60s')).stdout) as [
    object,
  ]
  expect(board).toMatchObject({
    name: 'board',
    status: 'ready',
    driver: 'buildkit',
    version: expect.stringMatching(/^Docker Engine /),
    slots: 2,
    native: expect.arrayContaining(['linux/arm64']),
  })
})

test('a build for two platforms runs each where it is native', async () => {
  const plan = JSON.parse((await onNodes('plan', '--json', ...BOTH, context)).stdout) as {
    jobs: { kind: string; target: Platform; decision: { strategy: { kind: string; node: string } } }[]
  }
  const placed = plan.jobs
    .filter(({ kind }) => kind === 'image')
    .map(({ target, decision: { strategy } }) => [formatPlatform(target), strategy.kind, strategy.node])
  expect(placed).toEqual([
    ['linux/amd64', 'native', 'local'],
    ['linux/arm64', 'native', 'board'],
  ])

  const out = join(folder, 'out')
  await onNodes(...BOTH, '-o', `type=oci,dest=${out}`, context)
  const index = JSON.parse(await runOk('skopeo', ['inspect', '--raw', `oci:${out}`])) as {
    manifests: { platform: { architecture: string } }[]
  }
  expect(index.manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64'])

  const armKernel = (await machine.run('uname -r')).trim()
  expect(armKernel).not.toBe(release())
  // Here, under QEMU, it says what it was built with
  expect((await runImage(out, 'linux/amd64')).stdout).toBe(`x86_64\n${release()}\n`)
  expect((await runImage(out, 'linux/arm64')).stdout).toBe(`aarch64\n${armKernel}\n`)
  expect(await leftovers(store)).toEqual(CLEAN)
})

test('its result runs on the machine itself', async () => {
  const archive = join(folder, 'arm.tar')
  await onNodes(
    '--builder',
    'board',
    '--network',
    'host',
    '--platform',
    'linux/arm64',
    '-t',
    'made-here:1',
    '-o',
    `type=docker,dest=${archive}`,
    context,
  )
  await machine.load(readFileSync(archive))
  expect(await machine.run('docker run --rm --network none made-here:1')).toMatch(/^aarch64\n/)
})

test('the handler, cross-compiled, starts twins on it and gives everything else to QEMU', async () => {
  const built = join(folder, 'handler')
  await runOk(process.execPath, [join(root, 'qemu/handler/build.mjs'), built])
  const handler = readFileSync(join(built, 'handler-arm64.bin'))
  for (const name of ['amd64', 's390x']) {
    const architecture = ARCHITECTURES.find((one) => one.name === name)!
    const proof = handlerProof(architecture, 'arm64')!
    const qemu = Buffer.from(await machine.run(`base64 /usr/bin/${architecture.qemu}-static`), 'base64')
    const put = (path: string, content: Uint8Array) =>
      machine.give(`mkdir -p $(dirname ${path}) && cat >${path} && chmod 755 ${path}`, content)
    await put(`/tmp/${name}/qemu`, fused(qemu, handler))
    await put(`/tmp/${name}/${proof.name}`, proof.program)
    await put(`/tmp/${name}/other`, proof.program)
    await machine.run('rm -rf /dev/.xbuild')
    for (const { path, content } of proof.files) await put(`/dev/.xbuild/${path}`, content)
    await machine.run('b=/proc/sys/fs/binfmt_misc; [ -e $b/register ] || /bin/busybox mount -t binfmt_misc none $b')
    await machine.give(
      'cat >/proc/sys/fs/binfmt_misc/register',
      Buffer.from(binfmtRegistration(architecture, `/tmp/${name}/qemu`)),
    )
    const ends = await machine.run(
      `for program in ${proof.name} other; do /tmp/${name}/$program; echo $program $?; done`,
    )
    expect(ends, name).toBe(`${proof.name} ${TWIN_STATUS}\nother ${PROBE_STATUS}\n`)
  }
})
