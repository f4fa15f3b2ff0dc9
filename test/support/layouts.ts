import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { digestHex, sha256 } from '../../src/oci/digest.ts'

/** One layer of an image that a test makes: a tar, and how it is packed. */
export interface LayerBytes {
  readonly tar: Buffer
  /** Absent: gzip. */
  readonly packed?: { readonly bytes: Buffer; readonly mediaType: string }
}

/** Writes an OCI image layout with one image of this machine's platform; whatever is in its layers. */
export function writeLayout(
  folder: string,
  layers: readonly LayerBytes[],
  platform: { readonly os: string; readonly architecture: string },
): string {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const put = (bytes: Buffer, mediaType: string): Descriptor => {
    writeFileSync(join(folder, 'blobs/sha256', digestHex(sha256(bytes))), bytes)
    return { mediaType, digest: sha256(bytes), size: bytes.length }
  }
  const json = (value: unknown, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType)
  const config = json(
    {
      ...platform,
      config: { Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => sha256(tar)) },
      history: [],
    },
    MEDIA_TYPE.config,
  )
  const descriptors = layers.map(({ tar, packed }) =>
    put(packed?.bytes ?? gzipSync(tar), packed?.mediaType ?? MEDIA_TYPE.layerGzip),
  )
  const manifest = json(
    { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: descriptors },
    MEDIA_TYPE.manifest,
  )
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [{ ...manifest, platform }] }),
  )
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  return folder
}
