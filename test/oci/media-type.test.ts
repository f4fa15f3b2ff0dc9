import { expect, test } from 'vitest'
import { isIndexType, isLayerType, isManifestType, toOciMediaType } from '../../src/oci/media-type.ts'

test.each([
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'application/vnd.oci.image.index.v1+json'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'application/vnd.oci.image.manifest.v1+json'],
  ['application/vnd.docker.container.image.v1+json', 'application/vnd.oci.image.config.v1+json'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar', 'application/vnd.oci.image.layer.v1.tar'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ['constructor', 'constructor'],
])('%s is %s', (docker, oci) => {
  expect(toOciMediaType(docker)).toBe(oci)
})

test('kinds are told apart under both names', () => {
  expect(isIndexType('application/vnd.docker.distribution.manifest.list.v2+json')).toBe(true)
  expect(isManifestType('application/vnd.docker.distribution.manifest.v2+json')).toBe(true)
  expect(isManifestType('application/vnd.oci.image.index.v1+json')).toBe(false)
  expect(isLayerType('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')).toBe(true)
  expect(isLayerType('application/vnd.in-toto+json')).toBe(false)
})
