import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BuildEvent } from '../../src/events.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import { publish, type PublishOptions } from '../../src/publish/publish.ts'
import { smallImage, twoSmallImages } from '../support/images.ts'
import { memoryRegistry } from '../support/memory-registry.ts'
import { publishOptions } from '../support/publish-options.ts'

let folder: string
let events: BuildEvent[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-push-'))
  events = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const twoImages = () => twoSmallImages(join(folder, 'store'))
const options = (images: readonly PlatformImage[], extra: Partial<PublishOptions>) =>
  publishOptions(images, { outputs: [{ type: 'registry' }], emit: (event) => events.push(event), ...extra })

test('a push brings each blob once, children, the index, and the tags of all registries last', async () => {
  const images = await twoImages()
  const registry = memoryRegistry()
  const tags = ['a.example/x:1', 'a.example/x:2', 'a.example/y:1', 'b.example/x:1'].map(parseReference)
  const result = await publish(options(images, { tags, registry: async () => registry }))
  expect(result.outputs).toEqual([
    { type: 'registry', refs: tags.map((tag) => `${tag.host}/${tag.repository}:${tag.tag}@${result.digest}`) },
  ])
  for (const name of ['a.example/x', 'a.example/y', 'b.example/x']) {
    expect(registry.blobsOf(name).size).toBe(5)
    expect(registry.manifestsOf(name).get('1')).toEqual(result.bytes)
  }
  expect(registry.log.filter((line) => line.startsWith('blob a.example/x'))).toHaveLength(5)
  expect(registry.log.filter((line) => line.startsWith('mount a.example/y'))).toHaveLength(5)
  expect(registry.log.slice(-4).toSorted()).toEqual([
    'manifest a.example/x:1',
    'manifest a.example/x:2',
    'manifest a.example/y:1',
    'manifest b.example/x:1',
  ])
  const transfers = events.filter((event) => event.type === 'transfer' && event.done)
  expect(transfers).toHaveLength(10)
  events = []
  await publish(options(images, { tags, registry: async () => registry }))
  expect(events.filter((event) => event.type === 'transfer')).toEqual([])
})

test('names the tags that were moved and those that were not when one fails', async () => {
  const registry = memoryRegistry({ failOn: /^manifest b\.example\/x:1$/ })
  const tags = ['a.example/x:1', 'a.example/x:2', 'b.example/x:1', 'c.example/x:1'].map(parseReference)
  const pushing = publish(options(await twoImages(), { tags, registry: async () => registry }))
  const error = await pushing.then(
    () => expect.fail('it was pushed'),
    (failure: Error) => failure,
  )
  const [, moved = '', left = ''] = /; moved: (.*); not moved: (.*)$/.exec(error.message) ?? []
  expect(`${moved}, ${left}`.split(', ').sort()).toEqual(tags.map(({ host, tag }) => `${host}/x:${tag}`).sort())
  expect(left.split(', ')).toContain('b.example/x:1')
  for (const tag of tags) {
    const name = `${tag.host}/x`
    expect(registry.manifestsOf(name).has(tag.tag!), name).toBe(moved.split(', ').includes(`${name}:${tag.tag}`))
  }
})

test('says the error alone when there is one tag', async () => {
  const registry = memoryRegistry({ failOn: /^manifest b\.example\/x:1$/ })
  const tags = [parseReference('b.example/x:1')]
  await expect(publish(options(await twoImages(), { tags, registry: async () => registry }))).rejects.toThrow(
    /^Cannot do "manifest b\.example\/x:1": 500 Internal Server Error$/,
  )
})

test('a tag that loses a platform says so', async () => {
  const images = await twoImages()
  const registry = memoryRegistry()
  const push = (some: readonly PlatformImage[]) =>
    publish(options(some, { tags: [parseReference('a.example/x:1')], registry: async () => registry }))
  const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  await push(images)
  await push(images)
  expect(warnings()).toEqual([])
  const { digest } = await push(images.slice(0, 1))
  expect(warnings()).toEqual(['a.example/x:1 contained linux/amd64, which this build removes'])
  expect(sha256(registry.manifestsOf('a.example/x').get('1')!)).toBe(digest)
})

test('blobs are mounted from the repository of the same registry that they came from', async () => {
  const registry = memoryRegistry()
  const image = await smallImage(join(folder, 'store'), 'linux/amd64', {
    origins: ['b.example/base', 'a.example/lib/base'],
  })
  await publish(options([image], { tags: [parseReference('a.example/lib/base')], registry: async () => registry }))
  await publish(options([image], { tags: [parseReference('a.example/app')], registry: async () => registry }))
  expect(registry.log.filter((line) => line.startsWith('mount'))).toHaveLength(2)
})

test.each([/^blob b\.example/, /^manifest b\.example\/x@/])(
  'no tag moves when something fails before (%s)',
  async (failOn) => {
    const registry = memoryRegistry({ failOn })
    const tags = ['a.example/x:1', 'b.example/x:1'].map(parseReference)
    const metadataFile = join(folder, 'meta.json')
    const work = publish(options(await twoImages(), { tags, metadataFile, registry: async () => registry }))
    await expect(work).rejects.toThrow(/500 Internal Server Error/)
    expect(registry.log.filter((line) => /:\d$/.test(line))).toEqual([])
    expect(events.at(-1)).toMatchObject({ type: 'step.fail' })
    expect(await readdir(folder)).toEqual(['store'])
  },
)
