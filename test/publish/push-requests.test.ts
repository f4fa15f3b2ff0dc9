import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseReference } from '../../src/oci/reference.ts'
import { publish } from '../../src/publish/publish.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { RegistryClient } from '../../src/registry/types.ts'
import { twoSmallImages } from '../support/images.ts'
import { publishOptions } from '../support/publish-options.ts'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

let registry: TestRegistry
let client: RegistryClient
beforeEach(async () => {
  registry = await startTestRegistry()
  client = createRegistryClient({ registries: {}, env: { HOME: '/nonexistent' } })
})
afterEach(async () => {
  await client.close()
  await registry.stop()
})

test('a push of what is there asks once for each blob, all at once, and makes three round trips more', async () => {
  const images = await twoSmallImages(join(tempFolder(), 'store'))
  const tags = [parseReference(`${registry.host}/app:1`)]
  const push = () =>
    publish(publishOptions(images, { outputs: [{ type: 'registry' }], tags, registry: async () => client }))
  await push()
  const blobs = registry.blobs.size
  expect(blobs).toBeLessThanOrEqual(6)

  // No question for a blob is answered before all are there, nor that for a child before the other
  const before = registry.seen.length
  const waiting = { blobs: [] as (() => void)[], children: [] as (() => void)[] }
  const together = (all: (() => void)[], count: number) =>
    new Promise<void>((go) => {
      all.push(go)
      if (all.length === count) for (const one of all) one()
    })
  let puts = 0
  registry.intercepts.push(async ({ method }, _, { path }) => {
    if (method === 'HEAD' && path.includes('/blobs/')) await together(waiting.blobs, blobs)
    if (method === 'PUT' && puts++ < 2) await together(waiting.children, 2)
    return false
  })
  await push()
  const asked = registry.seen.slice(before).map(({ method, path }) => {
    const [, kind, name] = /\/(blobs|manifests)\/(.*)$/.exec(path)!
    return `${method} ${kind} ${name!.replace(/^sha256:.*/, 'DIGEST')}`
  })
  expect(asked).toEqual([
    ...Array.from({ length: blobs }, () => 'HEAD blobs DIGEST'),
    // Both children together, then the index, and a look at the tag
    'PUT manifests DIGEST',
    'PUT manifests DIGEST',
    'PUT manifests DIGEST',
    'GET manifests 1',
  ])
})
