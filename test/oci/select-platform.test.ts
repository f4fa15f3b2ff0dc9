import { expect, test } from 'vitest'
import { MEDIA_TYPE, type Descriptor, type DescriptorPlatform } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import type { ImageIndex } from '../../src/oci/manifest.ts'
import { availablePlatforms, selectPlatform } from '../../src/oci/select-platform.ts'
import { parsePlatform } from '../../src/platform.ts'

function entry(text: string, extra: Partial<Descriptor> = {}): Descriptor {
  const [os = '', architecture = '', variant] = text.split('/')
  const platform: DescriptorPlatform = { os, architecture, ...(variant ? { variant } : {}) }
  return { mediaType: MEDIA_TYPE.manifest, digest: sha256(text + JSON.stringify(extra)), size: 1, platform, ...extra }
}

function indexOf(...manifests: Descriptor[]): ImageIndex {
  return { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }
}

test.each([
  ['linux/amd64', ['linux/386', 'linux/amd64'], 'linux/amd64'],
  ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 'linux/amd64/v2'],
  ['linux/amd64', ['linux/amd64/v2'], undefined],
  ['linux/amd64', ['linux/386'], undefined],
  ['linux/arm64', ['linux/arm64/v8'], 'linux/arm64/v8'],
  ['linux/arm64', ['linux/arm/v7'], undefined],
  ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'], 'linux/arm/v6'],
  ['linux/arm/v6', ['linux/arm/v7'], undefined],
  ['linux/arm/v7', ['linux/arm'], 'linux/arm'],
  ['linux/riscv64', ['linux/amd64'], undefined],
  ['windows/amd64', ['linux/amd64'], undefined],
])('%s out of %j is %s', (wanted, names, expected) => {
  expect(selectPlatform(indexOf(...names.map((name) => entry(name))), parsePlatform(wanted))?.digest).toBe(
    expected && entry(expected).digest,
  )
})

test('the first of equal entries is taken; attestations, nested indexes and entries without platform are passed over', () => {
  const first = entry('linux/amd64', { size: 7 })
  const { platform: _, ...bare } = entry('linux/amd64', { size: 9 })
  const index = indexOf(
    bare,
    entry('unknown/unknown'),
    entry('linux/amd64', { mediaType: MEDIA_TYPE.index }),
    first,
    entry('linux/amd64', { size: 8 }),
  )
  expect(selectPlatform(index, parsePlatform('linux/amd64'))).toBe(first)
  expect(availablePlatforms(index)).toEqual(['linux/amd64'])
})

test('the platforms there are come normalised, sorted, each once', () => {
  const index = indexOf(
    entry('linux/s390x'),
    entry('linux/arm'),
    entry('linux/aarch64/v8'),
    entry('linux/arm64'),
    entry('unknown/unknown'),
  )
  expect(availablePlatforms(index)).toEqual(['linux/arm/v7', 'linux/arm64', 'linux/s390x'])
})
