import { expect, test } from 'vitest'
import { compareDocuments } from '../../src/oci/document-difference.ts'
import { compareLayers, describeFile } from '../../src/oci/layer-difference.ts'
import { createBlockCapture, createLayerIndex, INDEX_BLOCK, type LayerIndex } from '../../src/oci/layer-index.ts'
import { createTarReader, type TarSink } from '../../src/oci/tar-reader.ts'
import { item, tar, type TarItem } from '../support/tar.ts'

/** Sends an archive through a sink in pieces of an odd size. */
function send<T extends TarSink>(items: readonly TarItem[], sink: T): T {
  const reader = createTarReader(sink)
  const bytes = tar(items)
  for (let at = 0; at < bytes.length; at += 777) reader.write(bytes.subarray(at, at + 777))
  reader.finish()
  return sink
}

const index = (items: readonly TarItem[]): LayerIndex => send(items, createLayerIndex()).result()

/** The differences of two layers, as a reader sees them. */
function compare(first: readonly TarItem[], second: readonly TarItem[]) {
  const found = compareLayers(index(first), index(second))
  const wanted = new Map(found.files.flatMap(({ path, content }) => (content ? [[path, content.block] as const] : [])))
  const [a, b] = [first, second].map((items) => send(items, createBlockCapture(wanted)).result())
  const files = found.files.map((one) => describeFile(one, [a!.get(one.path), b!.get(one.path)]))
  return { lines: [...files, ...found.notes], more: found.more, isTime: found.isTime }
}

const big = (at: number) => {
  const bytes = Buffer.alloc(3 * INDEX_BLOCK + 5, 'a')
  if (at >= 0) bytes[at] = 0x62
  return bytes
}

test.each([
  ['content', item({ path: 'a', data: 'one' }), item({ path: 'a', data: 'ore' }), '/a: content from byte 1 on'],
  ['the last byte', item({ path: 'a', data: big(-1) }), item({ path: 'a', data: big(3 * INDEX_BLOCK + 4) }), '196612'],
  ['a whole block', item({ path: 'a', data: big(-1) }), item({ path: 'a', data: big(INDEX_BLOCK) }), 'byte 65536 on'],
  [
    'length',
    item({ path: 'a', data: 'one' }),
    item({ path: 'a', data: 'one two' }),
    '/a: content from byte 3 on (3 and 7 bytes)',
  ],
  ['an empty file', item({ path: 'a' }), item({ path: 'a', data: 'x' }), 'content from byte 0 on (0 and 1 bytes)'],
  ['mode', item({ path: 'a' }), item({ path: 'a', mode: 0o4755 }), '/a: mode 0644 and 4755'],
  ['owner', item({ path: 'a' }), item({ path: 'a', uid: 7, gid: 8 }), '/a: owner 0:0 and 7:8'],
  ['type', item({ path: 'a' }), item({ path: 'a', type: 'dir' }), '/a: type file and dir'],
  [
    'link',
    item({ path: 'a', type: 'symlink', link: 'b' }),
    item({ path: 'a', type: 'symlink', link: 'c' }),
    '/a: link to "b" and "c"',
  ],
  [
    'time',
    item({ path: 'a' }),
    item({ path: 'a', mtime: 86_400 }),
    '/a: mtime 1970-01-01T00:00:00Z and 1970-01-02T00:00:00Z',
  ],
  [
    'attribute',
    item({ path: 'a', xattrs: new Map([['user.a', Buffer.from('1')]]) }),
    item({ path: 'a', xattrs: new Map([['user.a', Buffer.from('2')]]) }),
    '/a: extended attribute user.a',
  ],
  ['name', item({ path: 'a\u001b[2J' }), item({ path: 'a\u001b[2J', mode: 0 }), '/a?[2J: mode 0644 and 0000'],
])('a file that differs in its %s', (_, first, second, said) => {
  const same = item({ path: 'same', data: 'same' })
  const { lines, isTime } = compare([same, first], [same, second])
  expect(lines).toEqual([expect.stringContaining(said)])
  expect(isTime).toBe(said.includes('mtime'))
})

test('a file that only one build has, in the middle of others', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((path) => item({ path, data: path }))
  expect(compare([a!, b!, c!], [a!, c!]).lines).toEqual(['/b: only in the first build'])
  expect(compare([a!, c!], [a!, b!, c!]).lines).toEqual(['/b: only in the second build'])
})

test('another order is told, and many files are counted', () => {
  const [a, b] = ['a', 'b'].map((path) => item({ path }))
  expect(compare([a!, b!], [b!, a!]).lines).toEqual(['the files are in another order: number 1 is "a" and "b"'])
  expect(compare([a!], [a!]).lines).toEqual(['the files are the same, but archived or packed differently'])
  const many = (data: string) => Array.from({ length: 25 }, (_, at) => item({ path: `f${at}`, data }))
  expect(compare(many('1'), many('2'))).toMatchObject({ more: 15, lines: { length: 10 } })
  const timed = (mtime: number, data: string) => [
    ...Array.from({ length: 25 }, (_, at) => item({ path: `f${at}`, mtime })),
    item({ path: 'last', mtime, data }),
  ]
  const { lines, more } = compare(timed(1, 'a'), timed(2, 'b'))
  expect(lines[0]).toMatch(/^\/last: content from byte 0 on, mtime/)
  expect({ count: lines.length, more }).toEqual({ count: 10, more: 16 })
})

test('a layer that is too large to be kept as a whole is said to be compared in part', () => {
  const items = Array.from({ length: 10 }, (_, at) => item({ path: `f${at}` }))
  const cut = send(items, createLayerIndex(500)).result()
  expect(cut).toMatchObject({ isCut: true, entries: { size: 3 } })
  const { files, notes } = compareLayers(cut, index(items))
  expect(files).toEqual([])
  expect(notes).toContain('not all files were compared: there are too many')
})

test('configurations are compared by field, and times of the history count once', () => {
  const config = (time: string, env: readonly string[]) => ({
    created: time,
    config: { Env: env },
    rootfs: { diff_ids: [time] },
    history: [{ created: time }, { created: 'base' }, { created: time, comment: 'x' }],
  })
  const found = compareDocuments(config('1', ['A=1', 'B=1']), config('2', ['A=1', 'B=2', 'C=3']), ['rootfs.diff_ids'])
  expect(found.map(({ text }) => text)).toEqual([
    'created: "1" and "2"',
    'config.Env[1]: "B=1" and "B=2"',
    'config.Env[2]: nothing and "C=3"',
    'history[0].created: "1" and "2", and 1 more of the history',
  ])
  expect(found.map(({ isTime }) => isTime)).toEqual([true, false, false, true])
  expect(compareDocuments(config('1', []), config('1', []), [])).toEqual([])
})
