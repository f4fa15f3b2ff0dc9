import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { layoutOrigin } from '../../src/content/layout-origin.ts'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { writeLayout } from '../support/layouts.ts'
import { item, tar } from '../support/tar.ts'
import { tempFolder } from '../support/temp-folder.ts'

const signal = new AbortController().signal

function layout(): {
  path: string
  manifest: Descriptor
  blob: (descriptor: Descriptor) => string
  rename(...names: readonly (string | undefined)[]): void
} {
  const path = writeLayout(tempFolder(), [{ tar: tar([item({ path: 'f', data: 'x' })]) }], {
    os: 'linux',
    architecture: 'amd64',
  })
  const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as { manifests: [Descriptor] }
  return {
    path,
    manifest: index.manifests[0],
    blob: ({ digest }) => join(path, 'blobs', ...digest.split(':')),
    rename(...names) {
      const manifests = names.map((name) => ({
        ...index.manifests[0],
        ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
      }))
      writeFileSync(join(path, 'index.json'), JSON.stringify({ ...index, manifests }))
    },
  }
}

test('the only image needs no name; others are found by tag or digest', async () => {
  const { path, manifest, rename } = layout()
  expect((await layoutOrigin(path, undefined).root(signal)).descriptor.digest).toBe(manifest.digest)
  expect((await layoutOrigin(path, manifest.digest).root(signal)).descriptor.digest).toBe(manifest.digest)
  rename('old', 'new')
  expect((await layoutOrigin(path, 'new').root(signal)).descriptor.annotations).toEqual({
    'org.opencontainers.image.ref.name': 'new',
  })
  expect([layoutOrigin(path, 'new').name, layoutOrigin(path, manifest.digest).name]).toEqual([
    `oci-layout://${path}:new`,
    `oci-layout://${path}@${manifest.digest}`,
  ])
})

test('several without a name are the platforms of one image', async () => {
  const { path, rename } = layout()
  rename(undefined, undefined)
  const { descriptor, bytes } = await layoutOrigin(path, undefined).root(signal)
  expect(descriptor).toEqual({ mediaType: MEDIA_TYPE.index, digest: sha256(bytes), size: bytes.length })
})

test('a name that is not there is told with those that are', async () => {
  const { path, rename, manifest } = layout()
  rename('one', undefined)
  await expect(layoutOrigin(path, 'two').root(signal)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: `Cannot find "two" in "oci-layout://${path}": it has one, ${manifest.digest}`,
  })
  rename()
  await expect(layoutOrigin(path, undefined).root(signal)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('it has nothing'),
  })
  await expect(layoutOrigin(join(path, 'nowhere'), undefined).root(signal)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('there is no index.json'),
  })
})

test('blobs that are missing, cut or changed are told', async () => {
  const { path, manifest, blob } = layout()
  const origin = layoutOrigin(path, undefined)
  const bytes = readFileSync(blob(manifest))
  writeFileSync(blob(manifest), Buffer.from(bytes).fill('x', 5, 6))
  await expect(origin.root(signal)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
    message: expect.stringContaining('the content of the blob sha256:'),
  })
  truncateSync(blob(manifest), 10)
  await expect(origin.root(signal)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
    message: expect.stringContaining('has 10 bytes'),
  })
  rmSync(blob(manifest))
  await expect(origin.root(signal)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(origin.blob(manifest, 0, signal)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining(`the blob ${manifest.digest} is missing`),
  })
})

test('a layer is read from where it is asked for', async () => {
  const { path, manifest, blob } = layout()
  const stream = await layoutOrigin(path, undefined).blob(manifest, 7, signal)
  expect(Buffer.concat(await (stream as Readable).toArray())).toEqual(readFileSync(blob(manifest)).subarray(7))
})

test('a digest that would lead elsewhere is refused', async () => {
  const { path, manifest } = layout()
  await expect(
    layoutOrigin(path, undefined).blob({ ...manifest, digest: 'sha256:../../index.json' }, 0, signal),
  ).rejects.toMatchObject({ code: 'BAD_REFERENCE' })
})
