import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { PacketSchema, Packet_PacketType as TYPE, type Packet } from '../../../src/driver/buildkit/gen/fsutil_pb.ts'
import { createDeframer } from '../../../src/driver/buildkit/grpc/frames.ts'
import { treeFilter } from '../../../src/driver/buildkit/sync/filter.ts'
import { fingerprintOf } from '../../../src/driver/buildkit/sync/fingerprint.ts'
import { followPaths } from '../../../src/driver/buildkit/sync/follow.ts'
import { GO_MODE, toGoMode } from '../../../src/driver/buildkit/sync/mode.ts'
import { createOutbox, encodeStat } from '../../../src/driver/buildkit/sync/outbox.ts'
import { sendTree } from '../../../src/driver/buildkit/sync/send.ts'
import { folderTree, memoryTree, type Tree } from '../../../src/driver/buildkit/sync/tree.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const ALL = treeFilter({ include: [], exclude: [] })

function folderOf(files: Readonly<Record<string, string>>): string {
  const root = tempFolder()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const treeOf = (root: string) => folderTree(root, (paths) => followPaths(root, paths))
const listed = (tree: Tree, include: readonly string[] = [], exclude: readonly string[] = []) =>
  [...tree.entries(treeFilter({ include, exclude }))].map(({ path }) => path)

test.each([
  [0o100644, 0o644],
  [0o104755, 0o755 | GO_MODE.setuid],
  [0o041777, (0o777 | GO_MODE.dir | GO_MODE.sticky) >>> 0],
  [0o042750, (0o750 | GO_MODE.dir | GO_MODE.setgid) >>> 0],
  [0o120777, 0o777 | GO_MODE.symlink],
  [0o010600, 0o600 | GO_MODE.fifo],
  [0o060600, 0o600 | GO_MODE.device],
  [0o020600, 0o600 | GO_MODE.device | GO_MODE.charDevice],
])('mode %o is what Go calls %o', (mode, expected) => {
  expect(toGoMode(mode)).toBe(expected)
})

describe('a fingerprint', () => {
  const asked = (folder: string) => ({ folder, include: [], exclude: ['left'], follow: ['link', 'a'] })
  /** As if everything had been there for long: nothing less shows that the clock of the file system has gone on. */
  const later = (folder: string) => {
    vi.setSystemTime(Date.now() + 60_000)
    try {
      return fingerprintOf(asked(folder))
    } finally {
      vi.useRealTimers()
    }
  }

  test('is another one after every change of what is asked for, and of nothing else', () => {
    const root = folderOf({ 'a/x': '1', 'a/y': '2', 'b/z': '3', 'left/out': '4' })
    symlinkSync('b', join(root, 'link'))
    const changes: readonly [string, boolean, () => unknown][] = [
      ['nothing', false, () => undefined],
      [
        'of the same size and time',
        true,
        () => {
          const { atime, mtime } = statSync(join(root, 'a/x'))
          writeFileSync(join(root, 'a/x'), '5')
          utimesSync(join(root, 'a/x'), atime, mtime)
        },
      ],
      ['a mode', true, () => chmodSync(join(root, 'a/y'), 0o600)],
      ['the mode of a folder', true, () => chmodSync(join(root, 'a'), 0o700)],
      ['a name', true, () => renameSync(join(root, 'a/y'), join(root, 'a/w'))],
      ['behind a link', true, () => writeFileSync(join(root, 'b/new'), '')],
      [
        'where the link leads',
        true,
        () => {
          unlinkSync(join(root, 'link'))
          symlinkSync('a', join(root, 'link'))
        },
      ],
      ['what is left out', false, () => writeFileSync(join(root, 'left/more'), '')],
      ['what nobody asks for', false, () => writeFileSync(join(root, 'c'), '')],
      ['the time of a folder', false, () => utimesSync(join(root, 'a'), 0, 0)],
    ]
    let before = later(root)
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    for (const [what, shows, change] of changes) {
      change()
      const after = later(root)
      expect(after === before, what).toBe(!shows)
      before = after
    }
  })

  test('there is none for what changed just now', () => {
    const root = folderOf({ 'a/x': '1' })
    utimesSync(join(root, 'a/x'), 0, 0)
    expect(later(root)).toBeDefined()
    vi.setSystemTime(statSync(join(root, 'a/x')).ctimeMs + 5)
    try {
      expect(fingerprintOf(asked(root))).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a tree', () => {
  test('comes in the order of bytes, folders before what is in them', () => {
    const names = ['a-b', 'a/x', 'a.c', 'Z', '\u{ffee}', '\u{1f600}', 'é', 'a/b/c']
    const tree = treeOf(folderOf(Object.fromEntries(names.map((name) => [name, '']))))
    expect(listed(tree)).toEqual(
      ['Z', 'a', 'a/b', 'a/b/c', 'a/x', 'a-b', 'a.c', 'é', '\u{ffee}', '\u{1f600}'].sort((a, b) =>
        Buffer.compare(Buffer.from(a.replaceAll('/', '\0')), Buffer.from(b.replaceAll('/', '\0'))),
      ),
    )
  })

  test.each([
    [[], ['**/*.log', '!keep/one.log'], ['a', 'a/x.txt', 'keep', 'keep/one.log']],
    [[], ['a', 'keep'], []],
    [['a/*.txt'], [], ['a', 'a/x.txt']],
    [['keep'], ['keep/*.log'], ['keep']],
    [['**/one.log'], [], ['keep', 'keep/one.log']],
    [['.'], ['a'], ['keep', 'keep/one.log', 'keep/two.log']],
    [['nothing'], [], []],
  ])('with %j but %j', (include, exclude, expected) => {
    const tree = treeOf(folderOf({ 'a/x.txt': '', 'a/y.log': '', 'keep/one.log': '', 'keep/two.log': '' }))
    expect(listed(tree, include, exclude)).toEqual(expected)
  })

  test('sends links as links, and a file with two names once', () => {
    const root = folderOf({ 'd/file': 'content' })
    linkSync(join(root, 'd/file'), join(root, 'e'))
    symlinkSync('/etc/passwd', join(root, 'link'))
    const entries = [...treeOf(root).entries(ALL)]
    expect(entries.map(({ path, linkname, isFile, size }) => [path, linkname, isFile, size])).toEqual([
      ['d', undefined, false, 0n],
      ['d/file', undefined, true, 7n],
      ['e', 'd/file', true, 0n],
      ['link', '/etc/passwd', false, 11n],
    ])
    // With the first name left out, the second is the file
    expect(
      [...treeOf(root).entries(treeFilter({ include: [], exclude: ['d'] }))].map(({ path, linkname }) => [
        path,
        linkname,
      ]),
    ).toEqual([
      ['e', undefined],
      ['link', '/etc/passwd'],
    ])
  })

  test('never opens what a link leads to', () => {
    const root = folderOf({})
    symlinkSync('/etc/passwd', join(root, 'link'))
    expect(() => treeOf(root).open('link')).toThrow('changed while the context was read')
  })

  test('that is not there is not an empty one', () => {
    expect(() => listed(treeOf(join(tempFolder(), 'gone')))).toThrow('no such folder')
  })

  test('follows links in paths that are wanted', () => {
    const root = folderOf({ 'real/dir/file': '', 'real/[x]': '' })
    symlinkSync('real', join(root, 'one'))
    symlinkSync('/one/dir', join(root, 'two'))
    symlinkSync('../../../../outside', join(root, 'up'))
    symlinkSync('loop', join(root, 'loop'))
    expect(followPaths(root, ['two/file'])).toEqual(['two', 'one', 'real/dir/file'])
    expect(followPaths(root, ['t*'])).toEqual(['t*', 'two', 'one', 'real/dir'])
    expect(followPaths(root, ['up'])).toEqual(['up', 'outside'])
    expect(followPaths(root, ['one/[x]', 'gone', '.'])).toEqual(['one/[x]', 'gone', '.'])
    expect(followPaths(root, ['loop'])).toEqual(['loop'])
  })

  test('says nothing of what lies behind a link', () => {
    const outside = tempFolder()
    symlinkSync('a-name-of-the-machine', join(outside, 'link'))
    const root = folderOf({ 'd/x': '' })
    symlinkSync(outside, join(root, 'out'))
    symlinkSync(outside, join(root, 'd/out'))
    expect(followPaths(root, ['out/*', 'd/out/*'])).toEqual(['out/*', 'd/out/*'])
  })

  test('is read by its own folders, whatever has come into their place meanwhile', () => {
    const outside = folderOf({ file: 'secret' })
    const root = folderOf({ 'd/file': 'own' })
    const tree = treeOf(root)
    expect(listed(tree)).toEqual(['d', 'd/file'])
    renameSync(join(root, 'd'), join(root, 'moved'))
    symlinkSync(outside, join(root, 'd'))
    expect(() => tree.open('d/file')).toThrow('changed while the context was read')
  })

  test('is listed by its own folders', () => {
    const outside = folderOf({ secret: '' })
    const root = folderOf({ 'd/file': 'own', 'd/later/file': '' })
    const seen: string[] = []
    const swap = () => {
      for (const { path } of treeOf(root).entries(ALL)) {
        seen.push(path)
        if (path !== 'd/file') continue
        renameSync(join(root, 'd'), join(root, 'moved'))
        symlinkSync(outside, join(root, 'd'))
        mkdirSync(join(outside, 'later'))
        writeFileSync(join(outside, 'later/secret'), '')
      }
    }
    expect(swap).toThrow('changed while the context was read')
    expect(seen).not.toContain('d/later/secret')
  })
})

/** Sends a tree to a receiver that answers packets; gives all packets back. */
async function receive(
  tree: Tree,
  answer: (packet: Packet, reply: (packet: MessageInitShape<typeof PacketSchema>) => void) => void,
): Promise<Packet[]> {
  const packets: Packet[] = []
  const queue: Packet[] = []
  let wake: (() => void) | undefined
  const reply = (packet: MessageInitShape<typeof PacketSchema>) => {
    queue.push(create(PacketSchema, packet))
    wake?.()
  }
  async function* requests(): AsyncGenerator<Packet> {
    for (;;) {
      while (queue.length > 0) yield queue.shift()!
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  const deframer = createDeframer(1 << 20)
  const take = (packet: Packet) => {
    packets.push(packet)
    answer(packet, reply)
  }
  await sendTree(
    {
      requests: requests(),
      send: async (packet) => take(create(PacketSchema, packet)),
      sendFrames: async (frames, release) => {
        for (const bytes of deframer.push(Buffer.from(frames))) take(fromBinary(PacketSchema, bytes))
        release?.()
      },
    },
    tree,
    ALL,
  )
  return packets
}

describe('sending', () => {
  test('tells all entries, then what is asked for, in any order', async () => {
    const large = 'x'.repeat(700_000)
    const root = folderOf({ a: 'first', b: large, c: '' })
    let end = 0
    const packets = await receive(treeOf(root), ({ type, stat, data }, reply) => {
      if (type === TYPE.STAT && !stat) for (const id of [2, 1, 0]) reply({ type: TYPE.REQ, ID: id })
      if (type === TYPE.DATA && data.length === 0 && ++end === 3) reply({ type: TYPE.FIN })
    })
    expect(packets.filter(({ type }) => type === TYPE.STAT).map(({ stat }) => stat?.path)).toEqual([
      'a',
      'b',
      'c',
      undefined,
    ])
    const content = (id: number) =>
      Buffer.concat(
        packets.filter(({ type, ID }) => type === TYPE.DATA && ID === id).map(({ data }) => data),
      ).toString()
    expect([content(0), content(1) === large, content(2)]).toEqual(['first', true, ''])
    expect(packets.at(-1)?.type).toBe(TYPE.FIN)
  })

  test.each([
    ['a file that was never told of', [{ type: TYPE.REQ, ID: 9 }], 'file 9'],
    ['a folder', [{ type: TYPE.REQ, ID: 0 }], 'file 0'],
    [
      'the same file twice',
      [
        { type: TYPE.REQ, ID: 1 },
        { type: TYPE.REQ, ID: 1 },
      ],
      'file 1',
    ],
    ['nothing that a receiver says', [{ type: TYPE.STAT }], 'a packet of type 0'],
  ])('refuses a receiver that asks for %s', async (_, requests, message) => {
    const root = folderOf({ 'd/f': 'x' })
    const seen: Packet[] = []
    const sending = receive(treeOf(root), (packet, reply) => {
      seen.push(packet)
      if (packet.type === TYPE.STAT && !packet.stat) requests.forEach(reply)
    })
    await expect(sending).rejects.toThrow(message)
    expect(seen.at(-1)).toMatchObject({ type: TYPE.ERR })
  })

  test('ends when the receiver fails, and when a file shrinks meanwhile', async () => {
    const root = folderOf({ f: 'content' })
    await expect(
      receive(treeOf(root), ({ stat }, reply) => stat && reply({ type: TYPE.ERR, data: Buffer.from('disk full') })),
    ).rejects.toThrow('disk full')
    const shrunk = receive(treeOf(root), ({ type, stat }, reply) => {
      if (type !== TYPE.STAT || stat) return
      writeFileSync(join(root, 'f'), 'c')
      reply({ type: TYPE.REQ, ID: 0 })
    })
    await expect(shrunk).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' })
  })

  test('packets written by hand are those of the schema', async () => {
    for (const entry of [
      {
        path: 'a/b',
        mode: toGoMode(0o040755),
        size: 0n,
        modified: 1_700_000_000_123_456_789n,
        changed: 0n,
        isFile: false,
      },
      {
        path: 'größe',
        mode: 0o644,
        size: 2n ** 40n,
        modified: -5n,
        changed: 0n,
        linkname: 'ä'.repeat(200),
        isFile: true,
      },
    ]) {
      const { path, mode, size, modified: modTime, linkname = '' } = entry
      expect(fromBinary(PacketSchema, encodeStat(entry))).toMatchObject({
        type: TYPE.STAT,
        stat: { path, mode, size, modTime, linkname },
      })
    }
    const sent: Buffer[] = []
    const outbox = createOutbox(async (frames, release) => {
      sent.push(Buffer.from(frames))
      release?.()
    })
    const content = Buffer.from('tiny')
    const tree = memoryTree({ f: content.toString() })
    expect(await outbox.piece(300, tree.open('f'))).toBe(4)
    await outbox.bare(TYPE.DATA, 300)
    await outbox.flush()
    const [data, end] = createDeframer(1 << 20).push(Buffer.concat(sent))
    expect(fromBinary(PacketSchema, data!)).toMatchObject({ type: TYPE.DATA, ID: 300 })
    expect(Buffer.from(fromBinary(PacketSchema, data!).data)).toEqual(content)
    expect(Buffer.from(end!)).toEqual(
      Buffer.from(toBinary(PacketSchema, create(PacketSchema, { type: TYPE.DATA, ID: 300 }))),
    )
  })
})
