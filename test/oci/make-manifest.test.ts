import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { makeIndex, makeManifest } from '../../src/oci/make-manifest.ts'
import { parseIndex, parseManifest } from '../../src/oci/read-manifest.ts'

const config: Descriptor = { mediaType: MEDIA_TYPE.dockerConfig, digest: sha256('config'), size: 6 }
const layer: Descriptor = { mediaType: MEDIA_TYPE.dockerLayer, digest: sha256('layer'), size: 5 }

function child(architecture: string, variant?: string): Descriptor {
  const platform = { os: 'linux', architecture, ...(variant ? { variant } : {}) }
  return { mediaType: MEDIA_TYPE.manifest, digest: sha256(`${architecture}${variant}`), size: 1, platform }
}

test('a manifest has exactly these bytes, with OCI names for Docker media types', () => {
  const { descriptor, bytes } = makeManifest({ config, layers: [layer], annotations: { z: '1', a: '2' } })
  expect(bytes.toString()).toBe(
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
      `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"${config.digest}","size":6},` +
      `"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"${layer.digest}","size":5}],` +
      '"annotations":{"a":"2","z":"1"}}',
  )
  expect(descriptor).toEqual({ mediaType: MEDIA_TYPE.manifest, digest: sha256(bytes), size: bytes.length })
})

test('an index has exactly these bytes: platforms normalised, in the order given', () => {
  const { bytes } = makeIndex([child('aarch64', 'v8'), child('amd64'), child('arm')])
  const entry = (written: Descriptor, platform: string) =>
    `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"${written.digest}","size":1,"platform":{${platform}}}`
  expect(bytes.toString()).toBe(
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[' +
      [
        entry(child('aarch64', 'v8'), '"architecture":"arm64","os":"linux"'),
        entry(child('amd64'), '"architecture":"amd64","os":"linux"'),
        entry(child('arm'), '"architecture":"arm","os":"linux","variant":"v7"'),
      ].join(',') +
      ']}',
  )
})

test('two manifests of one platform are refused, however it is spelt', () => {
  expect(() => makeIndex([child('arm64'), child('aarch64', 'v8')])).toThrow(/"linux\/arm64" into an index twice/)
})

test('what was made can be read back', () => {
  const text = fc.string({ maxLength: 20 })
  const annotations = fc.dictionary(text, text, { minKeys: 1, maxKeys: 5 })
  fc.assert(
    fc.property(annotations, fc.array(fc.nat(), { maxLength: 5 }), (notes, sizes) => {
      const layers = sizes.map(
        (size, index): Descriptor => ({
          mediaType: MEDIA_TYPE.layerZstd,
          digest: sha256(String(index)),
          size,
          annotations: notes,
        }),
      )
      const oci = { ...config, mediaType: MEDIA_TYPE.config }
      const made = makeManifest({ config: oci, layers, annotations: notes })
      expect(parseManifest(made.bytes, made.descriptor)).toEqual({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.manifest,
        config: oci,
        layers,
        annotations: notes,
      })
      const index = makeIndex([{ ...child('riscv64'), annotations: notes }], notes)
      expect(parseIndex(index.bytes, index.descriptor).manifests).toEqual([{ ...child('riscv64'), annotations: notes }])
    }),
  )
})
