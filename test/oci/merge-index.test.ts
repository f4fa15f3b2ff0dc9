import { describe, expect, test } from 'vitest'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import type { ImageIndex } from '../../src/oci/manifest.ts'
import { heldEntries, holdsExactly, lostPlatforms, mergeIndex } from '../../src/oci/merge-index.ts'
import { parseIndex } from '../../src/oci/read-manifest.ts'
import { parsePlatform } from '../../src/platform.ts'

const image = (platform: string, content = platform, extra: Partial<Descriptor> = {}): Descriptor => {
  const [os = '', architecture = '', variant] = platform.split('/')
  const written = { os, architecture, ...(variant ? { variant } : {}) }
  return { mediaType: MEDIA_TYPE.manifest, digest: sha256(content), size: 7, platform: written, ...extra }
}
const said = (about: Descriptor, content = `said of ${about.digest}`): Descriptor => ({
  mediaType: MEDIA_TYPE.manifest,
  digest: sha256(content),
  size: 9,
  platform: { os: 'unknown', architecture: 'unknown' },
  annotations: { 'vnd.docker.reference.digest': about.digest, 'vnd.docker.reference.type': 'attestation-manifest' },
})
const index = (manifests: readonly Descriptor[], annotations?: Record<string, string>): ImageIndex => ({
  schemaVersion: 2,
  mediaType: MEDIA_TYPE.index,
  manifests,
  ...(annotations ? { annotations } : {}),
})
const merged = (...args: Parameters<typeof mergeIndex>) => {
  const { bytes, descriptor } = mergeIndex(...args)
  return parseIndex(bytes, descriptor)
}

describe('mergeIndex', () => {
  const [amd64, arm64] = [image('linux/amd64'), image('linux/arm64')]

  test('makes an index where there is none', () => {
    expect(merged(undefined, [amd64, said(amd64)])).toEqual(index([amd64, said(amd64)]))
  })

  test('adds a platform after the others, attestations after all images', () => {
    const before = index([amd64, said(amd64)], { a: '1', b: '2' })
    const after = merged(before, [arm64, said(arm64)], { b: '3' })
    expect(after).toEqual(index([amd64, arm64, said(amd64), said(arm64)], { a: '1', b: '3' }))
  })

  test('replaces a platform in its place with what is said of it', () => {
    const newer = image('linux/amd64', 'newer')
    const after = merged(index([amd64, arm64, said(amd64), said(arm64)]), [newer])
    expect(after.manifests).toEqual([newer, arm64, said(arm64)])
  })

  test.each([
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64', 'linux/arm64/v8'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/aarch64', 'linux/arm64'],
  ])('%s has the place of %s', (old, anew) => {
    const after = merged(index([image(old), image('linux/s390x')]), [image(anew, 'anew')])
    expect(after.manifests).toEqual([image(anew, 'anew'), image('linux/s390x')])
  })

  test('variants that differ have a place each', () => {
    const after = merged(index([image('linux/arm/v6')]), [image('linux/arm/v7')])
    expect(after.manifests).toHaveLength(2)
  })

  test('Windows images of another build have a place each; those of another revision of a build have not', () => {
    const windows = (version: string): Descriptor =>
      image('windows/amd64', version, {
        platform: { os: 'windows', architecture: 'amd64', 'os.version': version },
      })
    const before = index([windows('10.0.17763.1'), windows('10.0.20348.1')])
    const after = merged(before, [windows('10.0.20348.2')])
    expect(after.manifests).toEqual([windows('10.0.17763.1'), windows('10.0.20348.2')])
  })

  test('one image takes the place of several for its platform', () => {
    const zstd = image('linux/amd64', 'zstd')
    const newer = image('linux/amd64', 'newer')
    expect(merged(index([amd64, arm64, zstd]), [newer]).manifests).toEqual([newer, arm64])
  })

  test('the same image again keeps what is said of it, unless something else is said', () => {
    const before = index([amd64, arm64, said(amd64), said(arm64)])
    expect(merged(before, [amd64])).toEqual(before)
    const again = said(amd64, 'said anew')
    expect(merged(before, [amd64, again]).manifests).toEqual([amd64, arm64, said(arm64), again])
  })

  test('keeps entries without a platform, and attestations of nothing', () => {
    const chart: Descriptor = { mediaType: MEDIA_TYPE.manifest, digest: sha256('chart'), size: 1, artifactType: 'x/y' }
    const loose: Descriptor = { ...said(amd64, 'loose'), annotations: {} }
    const before = index([chart, said(image('linux/x', 'gone')), loose])
    expect(merged(before, [arm64]).manifests).toEqual([chart, arm64, ...before.manifests.filter((one) => one.platform)])
  })

  test('never makes a nested index', () => {
    const nested = image('linux/amd64', 'nested', { mediaType: MEDIA_TYPE.index })
    const lists = image('linux/amd64', 'list', { mediaType: MEDIA_TYPE.dockerList })
    for (const inner of [nested, lists]) {
      expect(() => mergeIndex(undefined, [inner])).toThrow(/it is an index itself/)
      expect(() => mergeIndex(index([inner]), [arm64])).toThrow(/it is an index itself/)
    }
  })

  test('refuses two images of one platform, and one without a platform', () => {
    expect(() => mergeIndex(undefined, [image('linux/arm64'), image('linux/arm64/v8', 'b')])).toThrow(/twice/)
    const { platform: _, ...bare } = amd64
    expect(() => mergeIndex(undefined, [bare])).toThrow(/it has no platform/)
  })

  test('the order of appends does not matter to what is in the index', () => {
    const all = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x'].map((one) => image(one))
    const appended = (list: readonly Descriptor[]) =>
      list.reduce<ImageIndex | undefined>((before, one) => merged(before, [one, said(one)]), undefined)
    const digests = (one: ImageIndex | undefined) => one?.manifests.map(({ digest }) => digest).toSorted()
    expect(digests(appended(all.toReversed()))).toEqual(digests(appended(all)))
    expect(appended(all)?.manifests).toHaveLength(8)
  })
})

describe('heldEntries', () => {
  const [old, mine, other] = ['old', 'mine', 'other'].map((name) => image('linux/amd64', name)) as Descriptor[]
  const before = new Set([old!.digest])

  test.each([
    ['there', [mine!, said(mine!)]],
    ['there', [image('linux/arm64'), mine!, said(mine!, 'of another run')]],
    ['lost', []],
    ['lost', [image('linux/arm64')]],
    ['lost', [old!]],
    ['lost', [mine!]],
    ['replaced', [other!]],
  ] as const)('says %s', (held, entries) => {
    expect(heldEntries(index(entries), [mine!, said(mine!)], before)).toBe(held)
  })

  test('says lost when the tag is gone', () => {
    expect(heldEntries(undefined, [mine!], before)).toBe('lost')
  })
})

test('holdsExactly sees what a merge would change', () => {
  const [amd64, arm64] = [image('linux/amd64'), image('linux/arm64')]
  expect(holdsExactly(index([amd64, arm64]), [amd64])).toBe(true)
  expect(holdsExactly(index([amd64, arm64]), [amd64, said(amd64)])).toBe(false)
  expect(holdsExactly(index([amd64, image('linux/amd64', 'b')]), [amd64])).toBe(false)
  expect(holdsExactly(undefined, [amd64])).toBe(false)
})

test('lostPlatforms names what a new image has not, variants normalised and attestations aside', () => {
  const before = index([image('linux/arm64/v8'), image('linux/amd64'), said(image('linux/amd64')), image('linux/arm')])
  expect(lostPlatforms(before, [image('linux/arm64', 'x'), image('linux/amd64', 'y')])).toEqual(['linux/arm/v7'])
  expect(lostPlatforms(before, [])).toEqual(['linux/amd64', 'linux/arm/v7', 'linux/arm64'])
  expect(parsePlatform('linux/arm').variant).toBe('v7')
})
