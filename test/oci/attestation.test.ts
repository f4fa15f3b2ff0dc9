import { expect, test } from 'vitest'
import { isAttestation, makeAttestationManifest } from '../../src/oci/attestation.ts'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { digestHex, sha256 } from '../../src/oci/digest.ts'
import { makeIndex, type Document } from '../../src/oci/make-manifest.ts'
import { parseIndex } from '../../src/oci/read-manifest.ts'
import { availablePlatforms, selectPlatform } from '../../src/oci/select-platform.ts'
import { parsePlatform } from '../../src/platform.ts'

const image = (architecture: string): Descriptor => ({
  mediaType: MEDIA_TYPE.manifest,
  digest: sha256(architecture),
  size: 1,
  platform: { os: 'linux', architecture },
})
const said = { predicateType: 'https://slsa.dev/provenance/v1', predicate: { a: 1 } }

test('a statement in a manifest that points at its image', () => {
  const { manifest, config, statements } = makeAttestationManifest([said], image('arm64'), [
    'pkg:docker/app@1?platform=linux%2Farm64',
  ])
  const [statement] = statements as [Document]
  expect(manifest.descriptor).toEqual({
    mediaType: MEDIA_TYPE.manifest,
    digest: sha256(manifest.bytes),
    size: manifest.bytes.length,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': sha256('arm64'),
    },
  })
  expect(JSON.parse(manifest.bytes.toString())).toMatchObject({
    config: { mediaType: MEDIA_TYPE.config, digest: sha256(config.bytes) },
    layers: [
      {
        mediaType: 'application/vnd.in-toto+json',
        digest: sha256(statement.bytes),
        size: statement.bytes.length,
        annotations: { 'in-toto.io/predicate-type': said.predicateType },
      },
    ],
  })
  expect(JSON.parse(config.bytes.toString())).toEqual({
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: [sha256(statement.bytes)] },
  })
  expect(JSON.parse(statement.bytes.toString())).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    ...said,
    subject: [{ name: 'pkg:docker/app@1?platform=linux%2Farm64', digest: { sha256: digestHex(sha256('arm64')) } }],
  })
})

test('an image without a name is still the subject', () => {
  const [statement] = makeAttestationManifest([said], image('arm64'), []).statements as [Document]
  expect(JSON.parse(statement.bytes.toString()).subject).toEqual([
    { name: '_', digest: { sha256: digestHex(sha256('arm64')) } },
  ])
})

test('in an index they come after the images and are never taken for one', () => {
  const images = [image('arm64'), image('amd64')]
  const entries = images.map((one) => makeAttestationManifest([said], one, []).manifest.descriptor)
  const { bytes, descriptor } = makeIndex(images, undefined, entries)
  const index = parseIndex(bytes, descriptor)
  expect(index.manifests.map(isAttestation)).toEqual([false, false, true, true])
  expect(availablePlatforms(index)).toEqual(['linux/amd64', 'linux/arm64'])
  expect(selectPlatform(index, parsePlatform('linux/amd64'))?.digest).toBe(sha256('amd64'))
  // Whatever platform it claims
  const disguised = { ...entries[0]!, platform: { os: 'linux', architecture: 's390x' } }
  expect(selectPlatform({ ...index, manifests: [disguised] }, parsePlatform('linux/s390x'))).toBeUndefined()
})
