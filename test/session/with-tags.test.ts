import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { publish } from '../../src/publish/publish.ts'
import { DEFAULT_PROVENANCE } from '../../src/config/attest.ts'
import type { Settled } from '../../src/run/outcome.ts'
import type { Session } from '../../src/session/open.ts'
import { publishImage, type PublishEdges } from '../../src/session/publish.ts'
import { createResults } from '../../src/session/results.ts'
import { openTagGate } from '../../src/session/tag-gate.ts'
import type { SessionRequest } from '../../src/session/types.ts'
import { eachWithTags } from '../../src/session/with-tags.ts'
import { twoSmallImages } from '../support/images.ts'
import { memoryRegistry, type MemoryRegistry } from '../support/memory-registry.ts'
import { publishOptions } from '../support/publish-options.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-tags-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()
const outputs = [{ type: 'registry' as const }]
const TAGS = { one: ['a.example/one:1', 'b.example/one:1'], two: ['a.example/two:1', 'b.example/two:1'] }

/** Publishes two images to two registries as a session does; says what became of each. `broken` cannot be attested. */
async function session(registry: MemoryRegistry, broken?: string): Promise<Record<string, string>> {
  const images = await twoSmallImages(join(folder, 'store'))
  const requests = Object.entries(TAGS).map(
    ([image, tags]) =>
      ({ image, options: {}, outputs: { outputs, tags: tags.map(parseReference), annotations: [] } }) as object,
  ) as SessionRequest[]
  const results = createResults(requests, signal)
  const gate = openTagGate({ requests, registry }, signal)
  await eachWithTags(results, gate, async (request) => {
    if (request.image === broken) {
      const attested = { ...request, options: { provenance: DEFAULT_PROVENANCE } } as SessionRequest
      const edges = { gate, prepared: { targets: [] }, secrecy: {}, env: {}, signal } as object as PublishEdges
      await publishImage({} as Session, attested, { built: [{ job: {} }], missing: [] } as object as Settled, edges)
    }
    await publish(
      publishOptions(images, {
        ...request.outputs,
        registry: async () => registry,
        moveTags: gate.moveTags(request, []),
      }),
    ).catch((error: unknown) => {
      gate.failed(request, error)
      throw error
    })
    results.done(request.image, {} as never)
  })
  return Object.fromEntries(results.all().map(({ name, error }) => [name, error?.message ?? 'done']))
}

const tagOf = (line: string) => /^manifest (\S+:\d)$/.exec(line)?.[1]

test('the tags of two images in two registries move after all content of both', async () => {
  const registry = memoryRegistry()
  expect(await session(registry)).toEqual({ one: 'done', two: 'done' })
  const tags = registry.log.slice(-4).map(tagOf)
  expect(tags.toSorted()).toEqual([...TAGS.one, ...TAGS.two].toSorted())
  expect(registry.log.slice(0, -4).filter((line) => tagOf(line) !== undefined)).toEqual([])
  // In each repository: configs and layers, three manifests by digest
  expect(registry.log.filter((line) => /^manifest \S+@/.test(line))).toHaveLength(12)
})

test.each(['one', 'two'])('no tag moves when the push of image %s fails', async (image) => {
  const registry = memoryRegistry({ failOn: new RegExp(`^manifest b\\.example/${image}@`) })
  const other = image === 'one' ? 'two' : 'one'
  expect(await session(registry)).toEqual({
    [image]: expect.stringContaining('500 Internal Server Error'),
    [other]: `Cannot tag the image: "${image}" could not be published, so no tag of this session has moved`,
  })
  expect(registry.log.filter((line) => tagOf(line) !== undefined)).toEqual([])
})

test.each(['one', 'two'])('no tag moves when image %s cannot be attested', async (image) => {
  const registry = memoryRegistry()
  const other = image === 'one' ? 'two' : 'one'
  expect(await session(registry, image)).toMatchObject({
    [other]: `Cannot tag the image: "${image}" could not be published, so no tag of this session has moved`,
  })
  expect(registry.log.filter((line) => tagOf(line) !== undefined)).toEqual([])
})

test('no tag moves when one of them was changed since the session began', async () => {
  const registry = memoryRegistry()
  let reads = 0
  const changing: MemoryRegistry = {
    ...registry,
    manifest: async (ref, how) => {
      const isLast = ref.repository === 'two' && ref.host === 'b.example' && reads++ > 0
      if (!isLast) return registry.manifest(ref, how)
      const bytes = Buffer.from('{"schemaVersion":2,"manifests":[]}')
      const mediaType = 'application/vnd.oci.image.index.v1+json'
      return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes }
    },
  }
  const outcome = await session(changing)
  expect(outcome['two']).toMatch(/^Cannot move "b\.example\/two:1": somebody else has set it to sha256:\w+ during/)
  expect(outcome['one']).toBe(outcome['two'])
  expect(registry.log.filter((line) => tagOf(line) !== undefined)).toEqual([])
})

/** Works on three images with these options: what began and ended, in order. */
async function worked(options: object, release: (begun: readonly string[]) => boolean): Promise<string[]> {
  const requests = ['a', 'b', 'c'].map(
    (image) => ({ image, options, outputs: { outputs, tags: [], annotations: [] } }) as object,
  ) as SessionRequest[]
  const log: string[] = []
  let go = () => {}
  const released = new Promise<void>((resolve) => (go = resolve))
  await eachWithTags(createResults(requests, signal), undefined, async ({ image }) => {
    log.push(`begin ${image}`)
    if (release(log)) go()
    await released
    log.push(`end ${image}`)
  })
  return log
}

test('images that only go to registries do not wait for each other', async () => {
  // None ends before the last has begun
  const log = await worked({}, (begun) => begun.length === 3)
  expect(log).toEqual(['begin a', 'begin b', 'begin c', 'end a', 'end b', 'end c'])
})

test('images whose programs are tested take turns', async () => {
  const log = await worked({ test: ['true'] }, () => true)
  expect(log).toEqual(['begin a', 'end a', 'begin b', 'end b', 'begin c', 'end c'])
})
