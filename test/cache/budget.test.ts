import { expect, test } from 'vitest'
import { savingsOf, withinBudget } from '../../src/cache/budget.ts'
import type { SolvedStep } from '../../src/engine/solved.ts'
import type { StepVertex } from '../../src/engine/vertex.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'

const weighed = (name: string, saves: number, size?: number, layer = name) => ({
  saves,
  step: {
    key: name,
    created: '2026-01-02T03:04:05Z',
    ...(size === undefined
      ? {}
      : {
          layer: {
            descriptor: { mediaType: MEDIA_TYPE.layerGzip, digest: sha256(layer), size },
            diffId: sha256(`plain ${layer}`),
          },
        }),
  },
})

test.each<[what: string, steps: readonly ReturnType<typeof weighed>[], most: number, kept: readonly string[]]>([
  ['all that fits', [weighed('a', 1, 60), weighed('b', 2, 40)], 100, ['b', 'a']],
  ['the longest for their size', [weighed('copy', 1, 90), weighed('compile', 500, 90)], 100, ['compile']],
  [
    'two small ones before a large one',
    [weighed('large', 900, 100), weighed('x', 800, 50), weighed('y', 700, 50)],
    100,
    ['x', 'y'],
  ],
  ['what fits behind one that does not', [weighed('huge', 9000, 200), weighed('small', 1, 10)], 100, ['small']],
  ['steps without a layer, always', [weighed('nothing', 0), weighed('a', 9, 10)], 0, ['nothing']],
  [
    'a layer of two steps once',
    [weighed('a', 1, 60, 'same'), weighed('b', 1, 60, 'same'), weighed('c', 1, 60)],
    100,
    ['a', 'b'],
  ],
  ['everything without a budget', [weighed('a', 0, 60), weighed('b', 0, 60)], Infinity, ['a', 'b']],
])('keeps %s', (_, steps, most, kept) => {
  const found = withinBudget(steps, most)
  expect(found.kept.map(({ key }) => key)).toEqual(kept)
  expect([...found.kept, ...found.left]).toHaveLength(steps.length)
})

test('a COPY out of a stage saves all that is run for it, each step once', () => {
  const base = { kind: 'scratch', id: 'scratch' } as const
  const shown = { name: '', platforms: new Set<string>(), images: new Set<string>() }
  const step = (id: string, parent: unknown, from?: unknown) =>
    ({ kind: 'copy', id, parent, shown, ...(from ? { from } : {}), remotes: [], step: {} }) as unknown as StepVertex
  const [fetch, own] = [step('fetch', base), step('own', base)]
  const compile = step('compile', fetch, fetch)
  const copy = step('copy', own, compile)
  const took = { fetch: 10, own: 1000, compile: 300, copy: 1 }
  const saves = savingsOf(
    [fetch, own, compile, copy].map(
      (vertex): SolvedStep => ({
        vertex,
        solved: { key: vertex.id, layers: [], took: took[vertex.id as keyof typeof took] },
      }),
    ),
  )
  expect([fetch, own, compile, copy].map(saves)).toEqual([10, 1000, 310, 311])
})
