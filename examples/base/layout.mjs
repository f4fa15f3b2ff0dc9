import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Writes what makes a folder with layers an OCI image layout: configs, manifests, one index named `latest`,
 * index.json.
 */
export async function writeLayout(folder, images) {
  const manifests = []
  for (const { platform, layer, config } of images) {
    const configBlob = await writeJson(folder, 'application/vnd.oci.image.config.v1+json', {
      ...platform,
      created: '1970-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'examples/base/make-base.mjs' }],
    })
    const manifest = await writeJson(folder, 'application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: configBlob,
      layers: [layer.descriptor],
    })
    manifests.push({ ...manifest, platform })
  }
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const index = await writeJson(folder, mediaType, { schemaVersion: 2, mediaType, manifests })
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  const named = { ...index, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType, manifests: [named] }))
}

async function writeJson(folder, mediaType, value) {
  const bytes = Buffer.from(JSON.stringify(value))
  const hex = createHash('sha256').update(bytes).digest('hex')
  await writeFile(join(folder, 'blobs/sha256', hex), bytes)
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
}
