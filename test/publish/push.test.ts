import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { XbuildError } from '../../src/errors.ts'
import type { BuildEvent } from '../../src/events.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { parseAnnotation } from '../../src/oci/annotation.ts'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import { moveAllTags } from '../../src/publish/move-tags.ts'
import { publish } from '../../src/publish/publish.ts'
import type { PublishOptions } from '../../src/publish/publish-options.ts'
import type { MoveOptions } from '../../src/publish/tag-move.ts'
import { smallImage, twoSmallImages } from '../support/images.ts'
import { memoryRegistry, type MemoryRegistry } from '../support/memory-registry.ts'
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

test('an image that its tags name already is not put again, but for what was removed below it', async () => {
  const images = await twoImages()
  const registry = memoryRegistry()
  const tags = ['a.example/x:1', 'b.example/x:1'].map(parseReference)
  const begun: string[] = []
  const progress = { begin: async () => void begun.push('begun'), isDone: () => false, wrote() {}, moved() {} }
  const first = await publish(options(images, { tags, progress, registry: async () => registry }))
  expect(begun).toEqual(['begun'])
  const again = async (before: string) => {
    const from = registry.log.length
    const known = { before: async () => before as typeof first.descriptor.digest, progress }
    expect((await publish(options(images, { tags, ...known, registry: async () => registry }))).outputs).toEqual(
      first.outputs,
    )
    return registry.log.slice(from)
  }
  expect(await again(first.digest)).toEqual([])
  expect(begun).toEqual(['begun'])
  const [child] = images
  const { digest } = child!.image.descriptor
  const [blob] = [...registry.blobsOf('b.example/x').keys()]
  registry.blobsOf('b.example/x').delete(blob!)
  registry.manifestsOf('b.example/x').delete(digest)
  expect(await again(first.digest)).toEqual([`blob b.example/x ${blob}`, `manifest b.example/x@${digest}`])
  expect(await again(`sha256:${'0'.repeat(64)}`)).toHaveLength(6)
  expect(begun).toEqual(['begun', 'begun'])
})

test('no tag of two outputs moves when one of them would lose a platform', async () => {
  const images = await twoImages()
  const registry = memoryRegistry()
  const names = ['a.example/x:1', 'b.example/x:1']
  const pushTo = (some: readonly PlatformImage[], to: readonly string[]) => {
    const outputs = to.map((name) => ({ type: 'registry' as const, names: [name] }))
    return publish(options(some, { outputs, registry: async () => registry }))
  }
  await pushTo(images, names.slice(1))
  await expect(pushTo(images.slice(0, 1), names)).rejects.toMatchObject({ code: 'PLATFORM_LOST' })
  expect(registry.manifestsOf('a.example/x').has('1')).toBe(false)
  const { outputs } = await pushTo(images, names)
  expect(outputs).toHaveLength(2)
  expect(registry.manifestsOf('a.example/x').get('1')).toEqual(registry.manifestsOf('b.example/x').get('1'))
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
  const [, digest = ''] = /@(sha256:[0-9a-f]{64})/.exec(moved) ?? []
  const names = `${moved.replaceAll(`@${digest}`, '')}, ${left}`.split(', ').sort()
  expect(names).toEqual(tags.map(({ host, tag }) => `${host}/x:${tag}`).sort())
  expect(left.split(', ')).toContain('b.example/x:1')
  for (const tag of tags) {
    const name = `${tag.host}/x`
    const isMoved = moved.split(', ').includes(`${name}:${tag.tag}@${digest}`)
    expect(registry.manifestsOf(name).has(tag.tag!), name).toBe(isMoved)
    expect((error as XbuildError).tags).toContainEqual(
      isMoved
        ? { ref: `${name}:${tag.tag}`, state: 'moved', digest }
        : { ref: `${name}:${tag.tag}`, state: 'not moved' },
    )
  }
})

test.each([
  [400, /may not let a tag that exists move/],
  [409, /may not let a tag that exists move/],
  [500, /^Push again/],
])('says what to do when a registry answers %i to a tag that exists', async (status, hint) => {
  const images = await twoImages()
  const registry = memoryRegistry()
  const tags = ['a.example/x:1', 'b.example/x:1'].map(parseReference)
  await publish(
    options(images, {
      tags: tags.slice(1),
      registry: async () => registry,
      annotations: [parseAnnotation('index:a=b')],
    }),
  )
  const refusing = memoryRegistry({ failOn: /^manifest b\.example\/x:1$/, status })
  for (const [tag, bytes] of registry.manifestsOf('b.example/x')) refusing.manifestsOf('b.example/x').set(tag, bytes)
  const pushing = publish(options(images, { tags, registry: async () => refusing }))
  await expect(pushing).rejects.toMatchObject({ hint: expect.stringMatching(hint) })
})

test('says the error alone when there is one tag', async () => {
  const registry = memoryRegistry({ failOn: /^manifest b\.example\/x:1$/ })
  const tags = [parseReference('b.example/x:1')]
  await expect(publish(options(await twoImages(), { tags, registry: async () => registry }))).rejects.toThrow(
    /^Cannot do "manifest b\.example\/x:1": 500 Internal Server Error$/,
  )
})

describe('a tag that would lose a platform', () => {
  const tags = [parseReference('a.example/x:1')]
  const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  const pushTo = (registry: MemoryRegistry, some: readonly PlatformImage[], how: Partial<MoveOptions> = {}) =>
    publish(
      options(some, {
        tags,
        registry: async () => registry,
        moveTags: (moves, client) => moveAllTags(moves.map((move) => ({ ...client, ...how, ...move }))),
      }),
    )

  test('stays, and the error names what would vanish', async () => {
    const images = await twoImages()
    const registry = memoryRegistry()
    const { digest } = await pushTo(registry, images)
    await pushTo(registry, images)
    expect(warnings()).toEqual([])
    await expect(pushTo(registry, images.slice(0, 1))).rejects.toMatchObject({
      code: 'PLATFORM_LOST',
      message: 'Cannot move "a.example/x:1": it would lose linux/amd64',
    })
    expect(sha256(registry.manifestsOf('a.example/x').get('1')!)).toBe(digest)
  })

  test('moves when that is allowed, and says so', async () => {
    const images = await twoImages()
    const registry = memoryRegistry()
    await pushTo(registry, images)
    const { digest } = await pushTo(registry, images.slice(0, 1), { allowPlatformDrop: true })
    expect(warnings()).toEqual(['a.example/x:1 contained linux/amd64, which this build removes'])
    expect(sha256(registry.manifestsOf('a.example/x').get('1')!)).toBe(digest)
  })

  test('moves when the platform is optional and could not be built, and says so', async () => {
    const images = await twoImages()
    const registry = memoryRegistry()
    await pushTo(registry, images)
    await pushTo(registry, images.slice(0, 1), { missing: [images[1]!.platform] })
    expect(warnings()).toEqual(['a.example/x:1 contained linux/amd64, which this build removes'])
  })

  test('stays when it has one image of another platform', async () => {
    const [arm64, amd64] = await twoImages()
    const registry = memoryRegistry()
    await pushTo(registry, [arm64!])
    await pushTo(registry, [arm64!])
    await expect(pushTo(registry, [amd64!])).rejects.toThrow(/it would lose linux\/arm64$/)
    await pushTo(registry, [amd64!, arm64!])
  })
})

describe('a tag that somebody else changes during the build', () => {
  const tags = [parseReference('a.example/x:1')]
  const pushTo = (registry: MemoryRegistry, some: readonly PlatformImage[], how: Partial<MoveOptions> = {}) =>
    publish(
      options(some, {
        tags,
        registry: async () => registry,
        moveTags: (moves, client) => moveAllTags(moves.map((move) => ({ ...client, ...how, ...move }))),
      }),
    )

  test.each(['absent', sha256('what it was')] as const)('stays as it is (%s before)', async (before) => {
    const images = await twoImages()
    const registry = memoryRegistry()
    const { digest } = await pushTo(registry, images.slice(0, 1))
    const both = { before: async () => before }
    await expect(pushTo(registry, images, both)).rejects.toMatchObject({
      code: 'TAG_CHANGED',
      message: `Cannot move "a.example/x:1": somebody else has set it to ${digest} during the build`,
    })
    expect(sha256(registry.manifestsOf('a.example/x').get('1')!)).toBe(digest)
    await pushTo(registry, images, { ...both, force: true })
  })

  test('is no error when it was changed to the same, or when nobody knows what it was', async () => {
    const images = await twoImages()
    const registry = memoryRegistry()
    await pushTo(registry, images, { before: async () => 'absent' })
    await pushTo(registry, images, { before: async () => 'absent' })
    await pushTo(registry, images.toReversed(), { before: async () => 'unknown' })
  })

  test('and one that was removed stays removed', async () => {
    const registry = memoryRegistry()
    const work = pushTo(registry, await twoImages(), { before: async () => sha256('what it was') })
    await expect(work).rejects.toThrow(/it was removed during the build$/)
  })
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
