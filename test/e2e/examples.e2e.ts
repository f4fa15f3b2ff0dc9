import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runImage, withBases } from './support/context.ts'
import { root, tempFolder } from './support/places.ts'
import { runOk, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')

const MACHINE = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' }
const NODE_ARCH = { 'linux/amd64': 'x64', 'linux/arm64': 'arm64' }
const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const
const LETTER = '62941079f0b13c72bd186343018cc3cd356ed5ad86160ecd58b2ac60b7075cd7'

async function build(example: string, ...bases: readonly ('busybox' | 'gcc' | 'node')[]): Promise<string> {
  const layout = join(folder, example)
  const args = [
    '--platform',
    PLATFORMS.join(','),
    ...(await withBases(...bases)),
    '-o',
    `type=oci,dest=${layout}`,
    join(root, 'examples', example),
  ]
  const { code, stdout, stderr } = await xbuild(args, { store })
  expect(stderr + stdout).toMatch(/sha256:[0-9a-f]{64}/)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/)
  const index = JSON.parse(await runOk('skopeo', ['inspect', '--raw', `oci:${layout}`]))
  expect(index.manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux' },
  ])
  return layout
}

test('hello says on each platform where it was built and where it runs', async () => {
  const layout = await build('hello', 'busybox')
  for (const platform of PLATFORMS) {
    const { stdout, code } = await runImage(layout, platform)
    expect(stdout).toBe(
      `Hello from one Dockerfile\nbuilt for ${platform}, where uname says ${MACHINE[platform]}\nrunning on ${MACHINE[platform]}\n`,
    )
    expect(code).toBe(0)
  }
})

test('go-or-c compiles a program for each platform and leaves the compiler behind', async () => {
  const layout = await build('go-or-c', 'gcc')
  const sums = new Set<string>()
  for (const platform of PLATFORMS) {
    const { stdout, code } = await runImage(layout, platform)
    const [letter, program, machine] = stdout.trimEnd().split('\n')
    expect(letter).toBe(`${LETTER}  letter.txt`)
    expect(machine).toBe(`computed on ${MACHINE[platform]}`)
    expect(code).toBe(0)
    sums.add(program ?? '')
  }
  expect(sums.size).toBe(2)
}, 600_000) // the base image with compilers is made first

describe('node-app', () => {
  test('serves on each platform, as the user of its Dockerfile', async () => {
    const layout = await build('node-app', 'node')
    for (const platform of PLATFORMS) {
      const { stdout, code } = await runImage(layout, platform, ['node', 'server.mjs', '--once'])
      const arch = NODE_ARCH[platform]
      expect(JSON.parse(stdout)).toEqual({ platform: `linux/${arch}`, prepared: `prepared on ${arch}`, user: 1000 })
      expect(code).toBe(0)
    }
  })

  test('has port, user and health check in its config', async () => {
    const config = JSON.parse(
      await runOk('skopeo', [
        'inspect',
        '--config',
        '--raw',
        '--override-arch',
        'arm64',
        `oci:${join(folder, 'node-app')}`,
      ]),
    ).config
    expect(config).toMatchObject({
      User: 'node',
      ExposedPorts: { '8080/tcp': {} },
      WorkingDir: '/app',
      Cmd: ['node', 'server.mjs'],
      Healthcheck: { Test: ['CMD', 'node', 'server.mjs', '--once'], Interval: 30_000_000_000, Timeout: 3_000_000_000 },
    })
    expect(config.Env).toContain('PORT=8080')
  })
})
