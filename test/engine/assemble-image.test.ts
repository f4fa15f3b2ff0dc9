import { expect, test } from 'vitest'
import { assembleImage } from '../../src/engine/assemble-image.ts'
import type { Solved } from '../../src/engine/solved.ts'
import type { Vertex } from '../../src/engine/vertex.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

type Assemble = Parameters<typeof assembleImage>

test('an image carries no step for others that a sibling had a part in', async () => {
  const solvedBy: Readonly<Record<string, Solved>> = {
    clean: { key: 'clean', layers: [{ id: 'a', empty: false }], created: '2026-01-02T03:04:05Z' },
    native: {
      key: 'native',
      layers: ['a', 'b'].map((id) => ({ id, empty: false })),
      created: '2026-01-02T03:04:05Z',
      siblings: [sha256('sibling')],
    },
  }
  const vertices = Object.keys(solvedBy).map((id) => ({ id }) as Vertex)
  let carried: readonly string[] | undefined
  const built = await assembleImage(
    parsePlatform('linux/arm64'),
    { config: {}, history: vertices.map((vertex) => ({ entry: {}, vertex })) } as unknown as Assemble[1],
    solvedBy['native']!,
    {
      store: await openStore(tempFolder()),
      solver: { solve: ({ id }: Vertex) => Promise.resolve(solvedBy[id]!), steps: () => [] },
      layers: {
        packed: (chain: Solved['layers']) => {
          const digest = sha256(chain.at(-1)!.id)
          return Promise.resolve({ descriptor: { mediaType: MEDIA_TYPE.layerGzip, digest, size: 1 }, diffId: digest })
        },
      },
      labels: {},
      configExtra: (steps: readonly { readonly key: string }[]) => {
        carried = steps.map(({ key }) => key)
        return {}
      },
      signal: new AbortController().signal,
    } as unknown as Assemble[3],
  )
  expect(carried).toEqual(['clean'])
  expect(built.config.rootfs.diff_ids).toHaveLength(2)
})
