import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runHere } from '../support/run-in-process.ts'
import { pushImages } from '../support/registry-images.ts'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

let registry: TestRegistry
beforeEach(async () => void (registry = await startTestRegistry()))
afterEach(() => registry.stop())

/** What a command asks of the registry: methods and paths, digests cut. */
async function requestsOf(folder: string, ...args: string[]): Promise<string[]> {
  const before = registry.seen.length
  const left = await runHere(['image', ...args], { cwd: folder })
  expect(left.code, left.stderr).toBe(0)
  return registry.seen
    .slice(before)
    .map(({ method, path }) => `${method} ${path.replace(/^\/v2\//, '').replace(/sha256:[0-9a-f]+/, 'DIGEST')}`)
    .sort()
}

test('create of two digests reads each and its platform, looks at the tag, and moves it', async () => {
  const folder = tempFolder()
  const name = `${registry.host}/a/app`
  const legs = [
    await pushImages(name, [{ platform: 'linux/amd64' }], { folder, untagged: true }),
    await pushImages(name, [{ platform: 'linux/arm64' }], { folder, untagged: true }),
  ]
  const digests = legs.map(({ root }) => root.descriptor.digest)
  expect(await requestsOf(folder, 'create', '-t', `${name}:1`, ...digests)).toEqual([
    'GET a/app/blobs/DIGEST',
    'GET a/app/blobs/DIGEST',
    'GET a/app/manifests/1',
    'GET a/app/manifests/DIGEST',
    'GET a/app/manifests/DIGEST',
    'PUT a/app/manifests/1',
  ])
})

test('create asks what the tag is while it reads the sources, and once more when they took long', async () => {
  const folder = tempFolder()
  const name = `${registry.host}/a/app`
  const leg = await pushImages(name, [{ platform: 'linux/amd64', attested: true }], { folder, untagged: true })
  const { digest } = leg.root.descriptor
  const tagAsked = () => registry.seen.some(({ path }) => path.endsWith('/manifests/1'))
  let pause = 0
  // The sources are told when the tag has been asked for, and later
  registry.intercepts.push(async (_request, _response, { path }) => {
    if (!path.endsWith(digest)) return false
    while (!tagAsked()) await setTimeout(5)
    await setTimeout(pause)
    return false
  })
  const expected = ['GET a/app/manifests/1', 'GET a/app/manifests/DIGEST', 'PUT a/app/manifests/1']
  expect(await requestsOf(folder, 'create', '-t', `${name}:1`, digest)).toEqual(expected)
  pause = 1100
  registry.manifests.delete('a/app:1')
  expect(await requestsOf(folder, 'create', '-t', `${name}:1`, digest)).toEqual([expected[0], ...expected])
})

test('create that takes something from a tag looks at it once more, and sees what others put there meanwhile', async () => {
  const folder = tempFolder()
  const name = `${registry.host}/a/app`
  const wanted = ['linux/amd64', 'linux/arm64'].map((platform) => ({ platform, attested: true }))
  const leg = await pushImages(name, [wanted[0]!], { folder, untagged: true })
  const both = await pushImages(name, wanted, { folder, untagged: true })
  const files = [{ path: 'old', data: 'old' }]
  const old = await pushImages(`${name}:1`, [{ ...wanted[0]!, files }], { folder })
  const { digest } = leg.root.descriptor
  const create = ['create', '-t', `${name}:1`, digest]
  const expected = ['GET a/app/manifests/1', 'GET a/app/manifests/DIGEST', 'PUT a/app/manifests/1']
  expect(await requestsOf(folder, ...create)).toEqual([expected[0], ...expected])
  // Somebody else adds a platform after the first look
  const tag = (set: typeof old) =>
    registry.manifests.set('a/app:1', { type: set.root.descriptor.mediaType, bytes: set.root.bytes })
  tag(old)
  let looks = 0
  registry.intercepts.push((_request, _response, { method, path }) => {
    if (method === 'GET' && path.endsWith('/manifests/1') && ++looks === 2) tag(both)
    return false
  })
  const refused = await runHere(['image', ...create], { cwd: folder })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('it would lose linux/arm64')
})

test('create of indexes reads nothing but them', async () => {
  const folder = tempFolder()
  const name = `${registry.host}/a/app`
  const wanted = ['linux/amd64', 'linux/arm64'].map((platform) => ({ platform, attested: true }))
  const legs = [
    await pushImages(name, [wanted[0]!], { folder, untagged: true }),
    await pushImages(name, [wanted[1]!], { folder, untagged: true }),
  ]
  const digests = legs.map(({ root }) => root.descriptor.digest)
  expect(await requestsOf(folder, 'create', '-t', `${name}:1`, ...digests)).toEqual([
    'GET a/app/manifests/1',
    'GET a/app/manifests/DIGEST',
    'GET a/app/manifests/DIGEST',
    'PUT a/app/manifests/1',
  ])
  // The second time there is nothing to do but to say the same again
  expect(await requestsOf(folder, 'inspect', '--raw', `${name}:1`)).toEqual(['GET a/app/manifests/1'])
})

test('create from another repository mounts each blob once and sends none', async () => {
  const folder = tempFolder()
  const images = ['linux/amd64', 'linux/arm64'].map((platform) => ({ platform, below: [{ path: 'b', data: 'same' }] }))
  await pushImages(`${registry.host}/from/app:1`, images, { folder })
  const asked = await requestsOf(folder, 'create', '-t', `${registry.host}/to/app:1`, `${registry.host}/from/app:1`)
  expect(asked.filter((line) => line.startsWith('POST'))).toHaveLength(5)
  expect(asked.every((line) => !line.startsWith('POST') || line.includes('mount='))).toBe(true)
  expect(asked.filter((line) => line.startsWith('PUT')).map((line) => line.split(' ')[1])).toEqual([
    'to/app/manifests/1',
    'to/app/manifests/DIGEST',
    'to/app/manifests/DIGEST',
    'to/app/manifests/DIGEST',
  ])
})

test.each(['itself', 'each other'])('copy ends well where a registry says that manifests refer to %s', async (what) => {
  const folder = tempFolder()
  const name = `${registry.host}/a/app`
  const { manifests } = await pushImages(name, [{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }], { folder })
  const [one, other] = manifests.map(({ descriptor }) => descriptor)
  registry.intercepts.push((_request, response, { path }) => {
    const subject = /\/a\/app\/referrers\/(.*)/.exec(path)?.[1]
    if (subject === undefined) return false
    const listed = (subject === one!.digest) === (what === 'itself') ? one! : other!
    const { mediaType, digest, size } = listed
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' })
    response.end(JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size }] }))
    return true
  })
  const copied = await runHere(['image', 'copy', name, `${registry.host}/b/app:1`], { cwd: folder })
  expect(copied.code, copied.stderr).toBe(0)
  expect(registry.manifests.has('b/app:1')).toBe(true)
})

test('a registry cannot send an image command to a metadata service', async () => {
  registry.intercepts.push((_request, response, { path }) => {
    if (!path.includes('/manifests/')) return false
    response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
    return true
  })
  const { code, stderr } = await runHere(['image', 'inspect', `${registry.host}/a/app`], { cwd: tempFolder() })
  expect(code).toBe(1)
  expect(stderr).toContain('it is a link-local or metadata address')
})
