import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { runOk, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
let registry: DebianRegistry

beforeAll(async () => {
  registry = await startRegistry()
  writeFiles(folder, { Dockerfile: 'FROM busybox\nRUN uname -m > /machine\nCMD ["cat", "/machine"]\n' })
})
afterAll(() => registry.stop())

test('two legs on machines of their own are merged into one image, and a missing leg moves no tag', async () => {
  const merge = (tag: string) =>
    xbuild(['ci', 'merge', '--platform', 'linux/amd64,linux/arm64', '-t', tag, 'legs'], { cwd: folder })
  const tag = `${registry.host}/octo/app:1`
  const leg = async (platform: string, more: readonly string[] = []) => {
    const name = platform.replaceAll('/', '-')
    const args = [
      'ci',
      'build',
      '--leg',
      platform,
      '--leg-folder',
      `legs/${name}`,
      ...more,
      ...(await withBases('busybox')),
      '.',
    ]
    return xbuild(args, { cwd: folder, store: join(folder, `store-${name}`) })
  }
  const first = await leg('linux/amd64')
  expect(first.code, first.stderr).toBe(0)
  const early = await merge(tag)
  expect(early.code).toBe(1)
  expect(early.stderr).toContain('Cannot merge: linux/arm64 is missing, no tag was moved')

  const second = await leg('linux/arm64', ['--provenance', 'mode=min'])
  expect(second.code, second.stderr).toBe(0)
  const again = await leg('linux/amd64', ['--resume-leg'])
  expect(again.stdout).toBe(first.stdout)
  expect(again.stderr).toContain('linux/amd64 is in legs/linux-amd64 already')

  const merged = await merge(tag)
  expect(merged.code, merged.stderr).toBe(0)
  await runOk('skopeo', ['copy', '--all', '--src-tls-verify=false', `docker://${tag}`, `oci:${join(folder, 'pulled')}`])
  expect((await runImage(join(folder, 'pulled'), 'linux/amd64')).stdout).toBe('x86_64\n')
  expect((await runImage(join(folder, 'pulled'), 'linux/arm64')).stdout).toBe('aarch64\n')

  rmSync(join(folder, 'legs/linux-arm64/leg.json'))
  expect((await merge(tag)).stderr).toContain('linux/arm64 is missing')
})
