import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pushImages } from '../support/registry-images.ts'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

let registry: TestRegistry
let folder: string
beforeEach(async () => {
  registry = await startTestRegistry()
  folder = tempFolder()
})
afterEach(() => registry.stop())

const platformsOf = async (name: string) => {
  const { images } = JSON.parse((await runHere(['image', 'inspect', '--json', name], { cwd: folder })).stdout)
  return images.map(({ platform }: { platform: string }) => platform).toSorted()
}
const merge = (...args: string[]) => runHere(['ci', 'merge', ...args, 'legs'], { cwd: folder })

/** A leg that was pushed by digest. */
async function leg(platform: string, image?: string) {
  const repository = `${registry.host}/legs`
  const files = [{ path: 'leg', data: `${image ?? ''} ${platform}` }]
  const { root } = await pushImages(repository, [{ platform, files }], { folder, untagged: true })
  const at = join(folder, 'legs', `${image ?? 'leg'}-${platform.replaceAll('/', '-')}`)
  await mkdir(at, { recursive: true })
  const said = { version: 1, platforms: [platform], digest: root.descriptor.digest, repository }
  await writeFile(join(at, 'leg.json'), JSON.stringify(image === undefined ? said : { ...said, image }))
}

/** A bake file of two images, each for two platforms, and their legs. */
async function twoImages() {
  const target = (name: string) =>
    `target "${name}" {\n  platforms = ["linux/amd64", "linux/arm64"]\n  tags = ["${registry.host}/${name}:1"]\n}\n`
  const group = 'group "default" { targets = ["one", "two"] }\n'
  await writeFile(join(folder, 'docker-bake.hcl'), `${group}${target('one')}${target('two')}`)
  for (const image of ['one', 'two']) for (const platform of ['linux/amd64', 'linux/arm64']) await leg(platform, image)
}

test('merge does not take a platform from a tag, unless it is allowed, or adds to it', async () => {
  const tag = `${registry.host}/app:1`
  await pushImages(tag, [{ platform: 'linux/amd64' }, { platform: 'linux/riscv64' }], { folder })
  await leg('linux/amd64')
  await leg('linux/arm64')
  const refused = await merge('-t', tag)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain(`Cannot move "${tag}": it would lose linux/riscv64`)
  expect(refused.stderr).toContain('--allow-platform-drop')
  expect(await platformsOf(tag)).toEqual(['linux/amd64', 'linux/riscv64'])
  const both = await merge('-t', tag, '--append', '--force')
  expect(both.code).toBe(2)
  const appended = await merge('-t', tag, '--append')
  expect(appended.code, appended.stderr).toBe(0)
  expect(await platformsOf(tag)).toEqual(['linux/amd64', 'linux/arm64', 'linux/riscv64'])
  const allowed = await merge('-t', tag, '--allow-platform-drop')
  expect(allowed.code, allowed.stderr).toBe(0)
  expect(allowed.stderr).toContain(`${tag} contained linux/riscv64, which this command removes`)
  expect(await platformsOf(tag)).toEqual(['linux/amd64', 'linux/arm64'])
})

test('merge leaves a tag that somebody else moves meanwhile, unless it is told to', async () => {
  const tag = `${registry.host}/app:1`
  await leg('linux/amd64')
  const other = await pushImages(tag, [{ platform: 'linux/amd64' }], { folder, untagged: true })
  registry.intercepts.push((request, _response, { path }) => {
    if (request.method === 'POST' && path.startsWith('/v2/app/'))
      registry.manifests.set('app:1', { type: other.root.descriptor.mediaType, bytes: other.root.bytes })
    return false
  })
  const refused = await merge('-t', tag)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain(`somebody else has set it to ${other.root.descriptor.digest} during the command`)
  const forced = await merge('-t', tag, '--force')
  expect(forced.code, forced.stderr).toBe(0)
  expect(forced.stdout).not.toContain(other.root.descriptor.digest)
})

test('no tag of several images moves when one of them may not, or cannot be brought', async () => {
  await twoImages()
  await pushImages(`${registry.host}/two:1`, [{ platform: 'linux/s390x' }], { folder })
  const refused = await merge('--bake-file', 'docker-bake.hcl')
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain('it would lose linux/s390x')
  expect(registry.manifests.has('one:1')).toBe(false)

  let isBroken = true
  registry.intercepts.push((request, response, { path }) => {
    if (!isBroken || request.method !== 'PUT' || !path.startsWith('/v2/two/manifests/')) return false
    response.writeHead(400).end()
    return true
  })
  const broken = await merge('--bake-file', 'docker-bake.hcl', '--allow-platform-drop')
  expect(broken).toMatchObject({ code: 1, stdout: '' })
  expect(registry.manifests.has('one:1')).toBe(false)

  isBroken = false
  const metadata = join(folder, 'metadata.json')
  const args = ['--bake-file', 'docker-bake.hcl', '--allow-platform-drop', '--metadata-file', metadata]
  const merged = await merge(...args)
  expect(merged.code, merged.stderr).toBe(0)
  expect(merged.stdout).toMatch(/^one sha256:[0-9a-f]{64}\ntwo sha256:[0-9a-f]{64}\n$/)
  for (const name of ['one', 'two'])
    expect(await platformsOf(`${registry.host}/${name}:1`)).toEqual(['linux/amd64', 'linux/arm64'])
})

test('the error names the tags that have moved and those that have not; merging again moves the others', async () => {
  await twoImages()
  let isBroken = true
  registry.intercepts.push((request, response, { path }) => {
    if (!isBroken || request.method !== 'PUT' || path !== '/v2/two/manifests/1') return false
    response.writeHead(400).end()
    return true
  })
  const { code, stderr } = await merge('--bake-file', 'docker-bake.hcl')
  expect(code).toBe(1)
  expect(stderr).toMatch(
    new RegExp(`moved: ${registry.host}/one:1@sha256:[0-9a-f]{64}; not moved: ${registry.host}/two:1`),
  )
  isBroken = false
  const again = await merge('--bake-file', 'docker-bake.hcl')
  expect(again.code, again.stderr).toBe(0)
  expect(await platformsOf(`${registry.host}/two:1`)).toEqual(['linux/amd64', 'linux/arm64'])
})
