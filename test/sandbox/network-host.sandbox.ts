import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { digestHex, sha256 } from '../../src/oci/digest.ts'
import { platformOfNodeArch } from '../../src/platform.ts'
import { writeLayout } from '../support/layouts.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

const Dockerfile = 'FROM busybox\nRUN echo "it began"\nRUN --network=host echo "it has the network of the machine"\n'

for (const mode of MODES)
  test.each([[[]], [['--network', 'none']]])(
    `a ${mode} RUN --network=host with %j does not begin, nor do the steps before it`,
    async (args) => {
      const { code, stderr } = await sandbox.build(mode, { Dockerfile }, args)
      expect(code, stderr).toBe(1)
      expect(stderr).toContain('Cannot run RUN --network=host: the build does not allow it the network of the host')
      expect(stderr).toContain('Dockerfile:3')
      expect(stderr).toContain('--allow network.host')
      expect(stderr).not.toMatch(/#\d+ [\d.]+ it /)
    },
  )

test.each([
  ['--allow', 'network.host'],
  ['--network', 'host'],
  ['--allow=network.host', '--network=none'],
])('it runs with %s %s', async (...args) => {
  const { code, stderr } = await sandbox.build('native', { Dockerfile }, ['--no-cache', ...args])
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/#\d+ [\d.]+ it has the network/)
})

test('it is refused for every platform and stage that is built, and for those only', async () => {
  const two = `FROM busybox AS unused\nRUN --network=host true\nFROM busybox AS mid\nRUN --network=host true\nFROM busybox\nCOPY --from=mid /bin/sh /x\nRUN true\n`
  const all = await sandbox.build('native', { Dockerfile: two }, ['--platform', 'linux/amd64,linux/arm64'])
  expect(all.code).toBe(1)
  expect(all.stderr).toContain('Dockerfile:4')
  expect(all.stderr).not.toContain('Dockerfile:2')
  const other = await sandbox.build('native', { Dockerfile: two.replace('COPY --from=mid /bin/sh /x\n', '') })
  expect(other.code, other.stderr).toBe(0)
})

test('a trigger of the base image may not ask for it either', async () => {
  const layout = join(folder, 'triggers')
  writeLayout(layout, [], platformOfNodeArch(process.arch))
  addTrigger(layout, 'RUN --network=host echo "it has the network"')
  const Dockerfile = 'FROM triggers\n'
  const args = ['--build-context', `triggers=oci-layout://${layout}`]
  const refused = await sandbox.build('native', { Dockerfile }, args)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('Cannot run RUN --network=host: the build does not allow it the network of the host')
})

test('what the engine of this machine never allows is refused before anything runs', async () => {
  for (const right of ['security.insecure', 'device=vendor.example/gpu']) {
    const { code, stderr } = await sandbox.build('native', { Dockerfile }, ['--allow', `network.host,${right}`])
    expect(code).toBe(2)
    expect(stderr).toContain(`Cannot allow "${right}" here`)
  }
})

/** Gives the image of a layout an ONBUILD. */
function addTrigger(layout: string, trigger: string): void {
  const read = (digest: `${string}:${string}`) =>
    JSON.parse(readFileSync(join(layout, 'blobs/sha256', digestHex(digest)), 'utf8'))
  const put = (value: unknown, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(value))
    writeFileSync(join(layout, 'blobs/sha256', digestHex(sha256(bytes))), bytes)
    return { mediaType, digest: sha256(bytes), size: bytes.length }
  }
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'))
  const manifest = read(index.manifests[0].digest)
  const config = read(manifest.config.digest)
  const changed = put({ ...config, config: { ...config.config, OnBuild: [trigger] } }, MEDIA_TYPE.config)
  const named = put({ ...manifest, config: changed }, MEDIA_TYPE.manifest)
  index.manifests[0] = { ...index.manifests[0], ...named }
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index))
}
