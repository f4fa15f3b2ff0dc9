import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inUse, planPrune, usesOf, type PruneRequest, type StoreItem } from '../../src/store/gc-plan.ts'

const NOW = 1_000_000
const ALL: PruneRequest = { all: false, filters: [], now: NOW }

function item(id: string, more: Partial<StoreItem> = {}): StoreItem {
  const type = id.startsWith('blobs/')
    ? 'blob'
    : id.startsWith('snapshots/')
      ? 'snapshot'
      : id.startsWith('images/')
        ? 'image'
        : 'step'
  const follows = type === 'blob' || type === 'snapshot' ? { follows: true } : {}
  return { id, type, size: 10, created: 0, used: 0, needs: [], description: '', ...follows, ...more }
}

const removed = (items: readonly StoreItem[], request: Partial<PruneRequest> = {}) =>
  planPrune(items, { ...ALL, ...request }).remove.map(({ id }) => id)

/** base <- one <- two, each with a snapshot; an image that needs the blob of one. */
const CHAIN = [
  item('images/app', { needs: ['blobs/one', 'blobs/manifest'], pinned: true, used: 5 }),
  item('bases/debian', { type: 'base', needs: ['snapshots/base'], used: 300 }),
  item('steps/one', { needs: ['bases/debian', 'snapshots/one', 'blobs/one'], used: 200 }),
  item('steps/two', { needs: ['steps/one', 'snapshots/two'], used: 900 }),
  item('snapshots/base', { size: 1000 }),
  item('snapshots/one', { size: 100 }),
  item('snapshots/two', { size: 50 }),
  item('blobs/one', { size: 40 }),
  item('blobs/manifest', { size: 1 }),
]

test('what images with a name need stays; everything else goes', () => {
  const { remove, freed, left } = planPrune(CHAIN, ALL)
  expect(remove.map(({ id }) => id).toSorted()).toEqual([
    'bases/debian',
    'snapshots/base',
    'snapshots/one',
    'snapshots/two',
    'steps/one',
    'steps/two',
  ])
  expect(freed).toBe(1000 + 100 + 50 + 3 * 10)
  expect(left).toBe(40 + 1 + 10)
})

test('--all takes the images and what only they needed', () => {
  expect(removed(CHAIN, { all: true })).toHaveLength(CHAIN.length)
})

test('what is in use is what images with a name reach', () => {
  expect([...inUse(CHAIN)].toSorted()).toEqual(['blobs/manifest', 'blobs/one', 'images/app'])
})

test('an older thing stays when a younger one needs it', () => {
  expect(removed(CHAIN, { filters: [{ key: 'until', age: NOW - 500 }] })).toEqual([])
  expect(removed(CHAIN, { filters: [{ key: 'until', age: NOW - 900 }] })).toContain('steps/one')
})

test('a thing that is used last through another counts as used then', () => {
  expect(usesOf(CHAIN).get('snapshots/base')?.used).toBe(900)
  expect(usesOf(CHAIN).get('blobs/manifest')?.used).toBe(5)
})

describe('a size limit', () => {
  const items = [1, 2, 3, 4].flatMap((age) => [
    item(`steps/${age}`, { size: 0, used: age, needs: [`snapshots/${age}`, 'snapshots/shared'] }),
    item(`snapshots/${age}`, { size: 100 }),
  ])
  const shared = item('snapshots/shared', { size: 7 })

  test.each([
    [1000, []],
    [407, []],
    [406, ['steps/1', 'snapshots/1']],
    [250, ['steps/1', 'snapshots/1', 'steps/2', 'snapshots/2']],
    [
      0,
      [
        'steps/1',
        'snapshots/1',
        'steps/2',
        'snapshots/2',
        'steps/3',
        'snapshots/3',
        'steps/4',
        'snapshots/shared',
        'snapshots/4',
      ],
    ],
  ])('of %i bytes takes the least recently used', (maxUsedSpace, expected) => {
    expect(removed([...items, shared], { maxUsedSpace })).toEqual(expected)
  })

  test('that cannot be kept leaves what has a name', () => {
    const image = item('images/x', { pinned: true, size: 500 })
    expect(planPrune([image, ...items], { ...ALL, maxUsedSpace: 100 })).toMatchObject({ left: 500, freed: 400 })
  })
})

describe('filters', () => {
  const items = [
    item('steps/aaaaaaaa1', { description: 'RUN apt-get update' }),
    item('steps/bbbbbbbb2', { description: 'COPY . .' }),
    item('ingest/x.part', { type: 'download' }),
  ]
  test.each([
    [{ key: 'type', operator: '=', value: 'download' }, ['ingest/x.part']],
    [{ key: 'type', operator: '!=', value: 'download' }, ['steps/aaaaaaaa1', 'steps/bbbbbbbb2']],
    [{ key: 'description', operator: '~=', value: 'apt' }, ['steps/aaaaaaaa1']],
    [{ key: 'id', operator: '=', value: 'steps/bbbbbbbb2' }, ['steps/bbbbbbbb2']],
    [{ key: 'id', operator: '=', value: 'bbbbbb' }, ['steps/bbbbbbbb2']],
    [{ key: 'id', operator: '=', value: 'bbb' }, []],
  ] as const)('%j', (filter, expected) => {
    expect(removed(items, { filters: [filter] })).toEqual(expected)
  })

  test('must all fit', () => {
    expect(
      removed(items, {
        filters: [
          { key: 'type', operator: '=', value: 'step' },
          { key: 'description', operator: '~=', value: 'COPY' },
        ],
      }),
    ).toEqual(['steps/bbbbbbbb2'])
  })
})

test('what nothing needs goes, unless a filter keeps it', () => {
  const orphan = item('blobs/orphan')
  expect(removed([orphan])).toEqual(['blobs/orphan'])
  expect(removed([orphan], { filters: [{ key: 'type', operator: '=', value: 'step' }] })).toEqual([])
})

test('bytes with another name outside of the store are not counted as freed', () => {
  expect(planPrune([item('blobs/x', { linked: true, size: 99 }), item('blobs/y', { size: 1 })], ALL)).toMatchObject({
    freed: 1,
    left: 0,
  })
})

test('things that need each other in a circle, or what is not there, end the planning all the same', () => {
  const circle = [item('steps/a', { needs: ['steps/b'] }), item('steps/b', { needs: ['steps/a', 'steps/gone'] })]
  expect(removed(circle)).toEqual([])
  expect(removed([item('steps/c', { needs: ['snapshots/gone'] })])).toEqual(['steps/c'])
})

test('a chain of twenty thousand steps is no trouble', () => {
  const items = Array.from({ length: 20_000 }, (_, index) =>
    item(`steps/${index}`, { used: index, needs: [`steps/${index - 1}`, 'blobs/all'] }),
  )
  expect(removed([...items, item('blobs/all')])).toHaveLength(20_001)
})

test('whatever the graph: nothing that stays needs what went, and what went comes before what it needed', () => {
  const graph = fc.array(
    fc.record({
      kind: fc.constantFrom('steps', 'blobs', 'images'),
      used: fc.nat(1000),
      size: fc.nat(100),
      needs: fc.array(fc.nat(30), { maxLength: 4 }),
      pinned: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(graph, fc.option(fc.nat(2000), { nil: undefined }), fc.boolean(), (nodes, maxUsedSpace, all) => {
      const ids = nodes.map(({ kind }, index) => `${kind}/${index}`)
      const items = nodes.map(({ used, size, needs, pinned }, index) =>
        item(ids[index]!, {
          used,
          size,
          needs: needs.flatMap((other) => (other < index && ids[other] ? [ids[other]] : [])),
          ...(pinned ? { pinned } : {}),
        }),
      )
      const plan = planPrune(items, { ...ALL, all, ...(maxUsedSpace === undefined ? {} : { maxUsedSpace }) })
      const gone = new Set(plan.remove.map(({ id }) => id))
      expect(gone.size).toBe(plan.remove.length)
      for (const kept of items.filter(({ id }) => !gone.has(id)))
        for (const id of kept.needs) expect(gone.has(id)).toBe(false)
      const order = new Map(plan.remove.map(({ id }, index) => [id, index]))
      for (const { id, needs } of plan.remove)
        for (const need of needs) if (order.has(need)) expect(order.get(need)!).toBeGreaterThan(order.get(id)!)
      if (!all) expect(plan.remove.some(({ pinned }) => pinned)).toBe(false)
      expect(plan.left).toBe(items.filter(({ id }) => !gone.has(id)).reduce((sum, { size }) => sum + size, 0))
    }),
  )
})
