import { expect, test } from 'vitest'
import type { ResolvedImage } from '../../src/content/resolved-image.ts'
import { siblingDigests } from '../../src/engine/image-vertices.ts'
import { siblingsOf } from '../../src/engine/siblings.ts'
import { imageVertex } from '../../src/engine/source-vertex.ts'
import type { RunVertex, Vertex } from '../../src/engine/vertex.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'

/** An image of an index that has another one for this machine, or none. */
function image(name: string, sibling?: string, content = 'the same image'): ResolvedImage {
  return {
    name,
    manifest: { mediaType: MEDIA_TYPE.manifest, digest: sha256(content), size: 1 },
    config: {
      os: 'linux',
      architecture: 'arm64',
      rootfs: { type: 'layers', diff_ids: [] },
      config: { Env: ['GOLANG_VERSION=1.24.4'] },
    },
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

test('the image that a step is based on gives it programs; one that only gives files does not', () => {
  const edges = { table: new Map(), target: 'linux/arm64' } as Parameters<typeof imageVertex>[2]
  const of = (name: string) => imageVertex(image(name, name, name), name, edges)
  const container = { network: 'host', hosts: [], ulimits: [] }
  const run = (parent: Vertex, mounted: readonly Vertex[] = []) =>
    ({
      kind: 'run',
      id: `run ${parent.id} ${mounted.length}`,
      parent,
      mounted,
      scope: { container },
    }) as unknown as RunVertex
  const copy = (parent: Vertex, from: Vertex) =>
    ({ kind: 'copy', id: `copy ${parent.id} ${from.id}`, parent, from, remotes: [] }) as unknown as Vertex
  const programs = (vertex: RunVertex) =>
    siblingsOf(vertex, {} as Parameters<typeof siblingsOf>[1]).map(({ digest }) => digest)
  const [base, data] = [of('base'), of('data')]
  for (const step of [run(copy(base, data)), run(base, [data])]) {
    expect(programs(step)).toEqual([sha256('base')])
    expect([...siblingDigests(step)]).toEqual([sha256('base')])
  }
  // A stage that ran programs of its own base has a part in whoever takes files of it
  const scratch: Vertex = { kind: 'scratch', id: 'scratch' }
  expect(programs(run(copy(scratch, run(data))))).toEqual([])
  expect([...siblingDigests(copy(base, run(data)))].sort()).toEqual([sha256('base'), sha256('data')].sort())
})
