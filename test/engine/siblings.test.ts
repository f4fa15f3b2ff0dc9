import { expect, test } from 'vitest'
import type { ResolvedImage } from '../../src/content/resolved-image.ts'
import { siblingDigests } from '../../src/engine/image-vertices.ts'
import { imageVertex } from '../../src/engine/source-vertex.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'

/** An image of an index that has another one for this machine, or none. */
function image(name: string, sibling?: string): ResolvedImage {
  return {
    name,
    manifest: { mediaType: MEDIA_TYPE.manifest, digest: sha256('the same image'), size: 1 },
    config: { os: 'linux', architecture: 'arm64', rootfs: { type: 'layers', diff_ids: [] } },
    layers: [],
    ...(sibling === undefined
      ? {}
      : {
          sibling: {
            digest: sha256(sibling),
            platform: parsePlatform('linux/amd64'),
            resolve: () => Promise.reject(new Error('nothing is resolved')),
          },
        }),
  }
}

test('an image is made with siblings of its own index alone, though another index of the build has it, too', () => {
  const edges = { table: new Map(), target: 'linux/arm64' } as Parameters<typeof imageVertex>[2]
  const vertices = [image('evil', 'evil'), image('good', 'good'), image('single')].map((one) =>
    imageVertex(one, one.name, edges),
  )
  expect(vertices.map((vertex) => [...siblingDigests(vertex)])).toEqual([[sha256('evil')], [sha256('good')], []])
  expect(new Set(vertices.map(({ id }) => id)).size).toBe(3)
  expect(imageVertex(image('good by another name', 'good'), 'good', edges)).toBe(vertices[1])
})
