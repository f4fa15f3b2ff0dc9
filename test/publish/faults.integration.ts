import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseReference } from '../../src/oci/reference.ts'
import type { ImageSet } from '../../src/publish/image-set.ts'
import { moveTags } from '../../src/publish/move-tags.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { RegistryClient } from '../../src/registry/types.ts'
import { pushImages } from '../support/registry-images.ts'
import { refuse, startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()
let registry: TestRegistry
let client: RegistryClient
let said: string[]
beforeEach(async () => {
  registry = await startTestRegistry()
  client = createRegistryClient({ registries: {}, env: { HOME: '/nonexistent' } })
  said = []
})
afterEach(async () => {
  await client.close()
  await registry.stop()
})

const move = (set: ImageSet, name: string) =>
  moveTags(set, [parseReference(name)], {
    registry: client,
    emit: (event) => said.push(event.type === 'warning' ? event.message : ''),
    signal,
  })

/** An image of two platforms under a tag, and one of one platform beside it. */
async function twoAndOne(): Promise<{ name: string; one: ImageSet; before: Buffer }> {
  const folder = tempFolder()
  const name = `${registry.host}/app:1`
  await pushImages(name, [{ platform: 'linux/amd64' }, { platform: 'linux/arm64' }], { folder })
  const one = await pushImages(name, [{ platform: 'linux/amd64' }], { folder, untagged: true })
  return { name, one, before: registry.manifests.get('app:1')!.bytes }
}

test('a reading of the tag that is refused by mistake does not let it lose a platform', async () => {
  const { name, one, before } = await twoAndOne()
  let refused = 0
  registry.intercepts.push((request, response, { path }) => {
    if (request.method !== 'GET' || !path.endsWith('/manifests/1') || refused++ > 0) return false
    response.setHeader('www-authenticate', 'Basic realm="x"')
    refuse(response, 401, 'UNAUTHORIZED', 'by mistake')
    return true
  })
  await expect(move(one, name)).rejects.toMatchObject({ code: 'PLATFORM_LOST' })
  expect(registry.manifests.get('app:1')!.bytes).toEqual(before)
})

test('a tag that can never be read moves, and that is said', async () => {
  const { name, one } = await twoAndOne()
  registry.intercepts.push((request, response, { path }) => {
    if (request.method !== 'GET' || !path.endsWith('/manifests/1')) return false
    response.setHeader('www-authenticate', 'Basic realm="x"')
    refuse(response, 401, 'UNAUTHORIZED', 'only pushing is allowed')
    return true
  })
  await move(one, name)
  expect(said.join()).toContain('what it is now cannot be read')
  expect(registry.manifests.get('app:1')!.bytes).toEqual(one.root.bytes)
})

test('a refusal after the tag has moved is no failure', async () => {
  const { one } = await twoAndOne()
  registry.intercepts.push((request, response, { path }) => {
    if (request.method !== 'PUT' || !path.endsWith('/manifests/2')) return false
    registry.manifests.set('app:2', { type: one.root.descriptor.mediaType, bytes: one.root.bytes })
    request.resume()
    refuse(response, 400, 'UNSUPPORTED', 'a proxy does not understand the answer')
    return true
  })
  const digests = await move(one, `${registry.host}/app:2`)
  expect([...digests.values()]).toEqual([one.root.descriptor.digest])
})
