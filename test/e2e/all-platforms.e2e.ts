import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'
import { pushImages } from '../support/registry-images.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
let registry: DebianRegistry
beforeAll(async () => {
  registry = await startRegistry()
  const push = (name: string, platforms: readonly string[]) =>
    pushImages(
      `${registry.host}/${name}`,
      platforms.map((platform) => ({ platform, attested: true })),
      { folder },
    )
  await push('wide:1', ['linux/arm64', 'linux/s390x', 'linux/amd64'])
  await push('narrow:1', ['linux/amd64', 'linux/arm64', 'linux/riscv64'])
  await push('other:1', ['linux/s390x'])
})
afterAll(() => registry?.stop())

const run = (dockerfile: string, ...args: string[]) => {
  const text = dockerfile.replaceAll('R/', `${registry.host}/`)
  const context = writeFiles(join(folder, 'context'), { Dockerfile: text })
  return xbuild([...args, context], { cwd: folder, store: join(folder, 'store') })
}

test('all platforms are those that every base image has, in the order of the first', async () => {
  const file = 'FROM R/wide:1 AS a\nFROM R/narrow:1\nCOPY --from=a /etc/platform /a\nCOPY Dockerfile /\n'
  const planned = await run(file, 'plan', '--json', '--platform', 'all')
  expect(planned.code, planned.stderr).toBe(0)
  expect(JSON.parse(planned.stdout).platforms.map((one: { platform: string }) => one.platform ?? one)).toHaveLength(2)
  const image = `${registry.host}/made:1`
  const built = await run(file, '--platform', 'all', '--audit=off', '--push', '-t', image)
  expect(built.code, built.stderr).toBe(0)
  const shown = await xbuild(['image', 'inspect', '--json', image], { cwd: folder })
  expect(JSON.parse(shown.stdout).images.map((one: { platform: string }) => one.platform)).toEqual([
    'linux/arm64',
    'linux/amd64',
  ])
})

test.each([
  ['FROM scratch\nCOPY Dockerfile /\n', 'no stage is made from a base image'],
  ['FROM --platform=$BUILDPLATFORM R/wide:1 AS a\nFROM scratch\nCOPY --from=a /etc /\n', 'no stage is made from'],
  ['FROM R/narrow:1 AS a\nFROM R/other:1\nCOPY --from=a /etc /\n', 'have no platform in common'],
  ['FROM R/gone:1\n', 'Cannot find the base image'],
])('%j says nothing of platforms', async (file, said) => {
  const planned = await run(file, 'plan', '--platform', 'all')
  expect(planned.code).not.toBe(0)
  expect(planned.stderr).toContain(said)
})

test('all is no platform beside others', async () => {
  const { code, stderr } = await run('FROM R/wide:1\n', 'plan', '--platform', 'all,linux/amd64')
  expect([code, stderr]).toEqual([2, expect.stringContaining('all stands for every platform')])
})

test('an image for more platforms than any has is not built for all of them', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const manifests = Array.from({ length: 101 }, (_, number) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...{ digest, size: 500, platform: { os: 'linux', architecture: `cpu${number}` } },
  }))
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  writeFiles(join(folder, 'layout'), {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify({ schemaVersion: 2, mediaType, manifests }),
  })
  const base = `base=oci-layout://${join(folder, 'layout')}`
  const { code, stderr } = await run('FROM base\n', '--platform', 'all', '--build-context', base)
  expect(code).toBe(2)
  expect(stderr).toMatch(/Cannot build for all platforms: .*more than 100/)
})
