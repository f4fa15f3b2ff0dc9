import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { layoutTarget } from '../../src/image/layout-target.ts'
import { makeDocument } from '../../src/oci/make-manifest.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { tempFolder } from '../support/temp-folder.ts'

const NAME = 'org.opencontainers.image.ref.name'

test('a signature that has a name of its own in the folder keeps it', async () => {
  const folder = join(tempFolder(), 'layout')
  const signature = { ...makeDocument(MEDIA_TYPE.manifest, { schemaVersion: 2 }).descriptor }
  const entries = [{ ...signature, artifactType: 'a/b', annotations: { [NAME]: 'app.sig' } }]
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: entries, annotations: { kept: 'yes' } }),
  )
  const target = await layoutTarget(folder, 'app')
  const image = makeDocument(MEDIA_TYPE.index, { schemaVersion: 2, manifests: [] })
  const signal = new AbortController().signal
  await target.addReferrers(image.descriptor, [{ ...signature, artifactType: 'a/b' }], signal)
  await target.publish(image, [], signal)
  const index: unknown = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
  expect(index).toMatchObject({
    annotations: { kept: 'yes' },
    manifests: [{ digest: signature.digest, annotations: { [NAME]: 'app.sig' } }, { annotations: { [NAME]: 'app' } }],
  })
})
