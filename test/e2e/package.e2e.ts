import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { root, tempFolder } from './support/places.ts'
import { run, runOk } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const elsewhere = join(folder, 'elsewhere')
const installed = join(elsewhere, 'node_modules/.bin/xbuild')

describe('the package of npm pack, installed into an empty folder', () => {
  beforeAll(async () => {
    await runOk('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root })
    const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
    writeFiles(elsewhere, { 'package.json': '{ "private": true, "type": "module" }' })
    await runOk('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, tarball!)], {
      cwd: elsewhere,
    })
  })

  test('holds the program and no tests or sources', () => {
    const package_ = join(elsewhere, 'node_modules/xbuild')
    expect(existsSync(join(package_, 'dist/xbuild.cjs'))).toBe(true)
    expect(existsSync(join(package_, 'dist/types/index.d.ts'))).toBe(true)
    for (const name of ['src', 'test', 'examples']) expect(existsSync(join(package_, name))).toBe(false)
  })

  test('brings no development dependency', () => {
    const names = readdirSync(join(elsewhere, 'node_modules'))
    for (const name of ['typescript', 'vitest', 'esbuild', 'fast-check']) expect(names).not.toContain(name)
  })

  test('says its version', async () => {
    const { version } = JSON.parse(
      await runOk('npm', ['pkg', 'get', 'version', '--json'], { cwd: root }).then((text) => `{"version":${text}}`),
    )
    expect((await run(installed, ['--version'], { cwd: elsewhere })).stdout).toContain(version)
  })

  test('builds for two platforms', async () => {
    const context = writeFiles(join(folder, 'context'), {
      Dockerfile: 'FROM busybox\nRUN uname -m > /machine\nCMD ["cat", "/machine"]\n',
    })
    const args = [
      '--platform',
      'linux/amd64,linux/arm64',
      ...(await withBases('busybox')),
      '-o',
      `type=oci,dest=${folder}/out`,
      context,
    ]
    const { code, stderr } = await run(installed, args, { cwd: elsewhere, store })
    expect(code, stderr).toBe(0)
    expect((await runImage(join(folder, 'out'), 'linux/arm64')).stdout).toBe('aarch64\n')
    expect((await runImage(join(folder, 'out'), 'linux/amd64')).stdout).toBe('x86_64\n')
  })

  test('is a library too', async () => {
    writeFiles(elsewhere, {
      'use.mjs': "import * as xbuild from 'xbuild'\nconsole.log(typeof xbuild.build, typeof xbuild.plan)\n",
    })
    expect(await runOk(process.execPath, ['use.mjs'], { cwd: elsewhere })).toBe('function function\n')
  })
})

test('npx xbuild works in the checkout', async () => {
  // npx remembers by path which programs a checkout has: a cache of its own makes it look
  const { stdout, stderr } = await run('npx', ['xbuild', '--version'], {
    cwd: root,
    env: { npm_config_cache: join(folder, 'npm') },
  })
  expect(stdout, stderr).toMatch(/^xbuild \d+\.\d+\.\d+/)
})
