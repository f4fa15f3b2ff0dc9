import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { createTarReader } from '../../src/oci/tar-reader.ts'
import { createUnpacker, type UnpackOptions } from '../../src/engine/worker/unpacker.ts'
import { extension, item, paxRecord, tar, type TarItem } from '../support/tar.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { treeLines } from '../support/tree.ts'

const own = { uid: process.getuid!(), gid: process.getgid!() }
const asRoot = own.uid === 0
/** An archive's entries, of whoever runs the tests. */
const of = (entry: Parameters<typeof item>[0]) => item({ ...own, ...entry })
const dir = (path: string, mode = 0o755) => of({ path, type: 'dir', mode })
const link = (path: string, target: string) => of({ path, type: 'symlink', link: target })
const hard = (path: string, target: string) => of({ path, type: 'hardlink', link: target })
const file = (path: string, data = 'new') => of({ path, data })
const fifo = (path: string) => of({ path, type: 'fifo', mode: 0o600 })

/** A root, and beside it a folder with a canary that must sing the same afterwards. */
function places(): { root: string; outside: string; expectCanary(): void } {
  const top = tempFolder()
  const [root, outside] = [join(top, 'root'), join(top, 'outside')]
  mkdirSync(root)
  mkdirSync(join(outside, 'folder'), { recursive: true, mode: 0o751 })
  writeFileSync(join(outside, 'canary'), 'sings')
  writeFileSync(join(outside, 'folder/canary'), 'sings')
  for (const path of ['folder', '']) utimesSync(join(outside, path), 1000, 1000)
  const before = treeLines(outside)
  return {
    root,
    outside,
    expectCanary() {
      expect(treeLines(outside)).toEqual(before)
      expect(readdirSync(top).sort()).toEqual(['outside', 'root'])
      for (const path of ['folder', '']) expect(statSync(join(outside, path)).mtimeMs).toBe(1_000_000)
    },
  }
}

async function unpack(root: string, items: readonly TarItem[], options: UnpackOptions = {}): Promise<void> {
  const unpacker = createUnpacker(root, options)
  try {
    const reader = createTarReader(unpacker.sink)
    reader.write(tar(items))
    reader.finish()
    await unpacker.finish()
  } finally {
    unpacker.close()
  }
}

/** An archive with a file of GNU tar's format for files with holes. */
const sparse = (path: string, { size, map, data }: { size: number; map: string; data: string }) =>
  Buffer.concat([
    extension(
      'x',
      [
        ['name', path],
        ['size', String(size)],
        ['map', map],
      ]
        .map(([key, value]) => paxRecord(`GNU.sparse.${key}`, value!))
        .join(''),
    ),
    tar([of({ path: 'made/up', data })]),
  ])

const openFiles = () => readdirSync('/proc/self/fd').length

describe('entries', () => {
  test('with holes take no room on the disk for them', async () => {
    const { root } = places()
    const size = 5_000_000_000
    const unpacker = createUnpacker(root)
    const reader = createTarReader(unpacker.sink)
    reader.write(sparse('f', { size, map: '3,2,4000000000,1', data: 'abc' }))
    reader.finish()
    await unpacker.finish()
    const found = statSync(join(root, 'f'))
    expect(found.size).toBe(size)
    expect(found.blocks * 512).toBeLessThan(1 << 20)
    const bytes = Buffer.alloc(8)
    const fd = openSync(join(root, 'f'), 'r')
    readSync(fd, bytes, 0, 6, 0)
    readSync(fd, bytes, 6, 2, 4_000_000_000)
    closeSync(fd)
    expect(bytes.toString()).toBe('\0\0\0ab\0c\0')
  })

  test('become what they say, with modes and times', async () => {
    const { root } = places()
    await unpack(root, [
      of({ path: './', type: 'dir', mode: 0o711, mtime: 5 }),
      of({ path: 'd', type: 'dir', mode: 0o2750, mtime: 7 }),
      of({ path: 'd/f', data: 'hello', mode: 0o4755, mtime: 8 }),
      link('d/l', '../d/f'),
      hard('h', 'd/f'),
      fifo('p'),
      of({ path: 'd/empty', mtime: -5 }),
    ])
    expect(treeLines(root)).toEqual([
      'd dir 2750',
      'd/empty file 644 ""',
      'd/f file 4755 "hello"',
      'd/l -> ../d/f',
      'h file 4755 "hello"',
      'p fifo 600',
    ])
    expect(statSync(root).mode & 0o7777).toBe(0o711)
    expect(['', 'd', 'd/f', 'd/empty'].map((path) => statSync(join(root, path)).mtimeMs / 1000)).toEqual([5, 7, 8, -5])
    expect(statSync(join(root, 'h')).ino).toBe(statSync(join(root, 'd/f')).ino)
  })

  test.runIf(asRoot)('keep owners, and setuid in spite of them; devices are made', async () => {
    const { root } = places()
    await unpack(root, [
      item({ path: 'su', data: 'x', mode: 0o6755, uid: 1234, gid: 4321 }),
      item({ path: 'd', type: 'dir', mode: 0o3770, uid: 5, gid: 6 }),
      item({ path: 'l', type: 'symlink', link: 'su', uid: 7, gid: 8 }),
      item({ path: 'null', type: 'char', mode: 0o666, devMajor: 1, devMinor: 3 }),
      item({ path: 'white', type: 'char', devMajor: 0, devMinor: 0 }),
    ])
    const seen = (path: string) => {
      const { mode, uid, gid } = lstatSync(join(root, path))
      return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`
    }
    expect(['su', 'd'].map(seen)).toEqual(['6755 1234:4321', '3770 5:6'])
    expect(seen('l')).toMatch(/7:8$/)
    expect([lstatSync(join(root, 'null')).rdev, existsSync(join(root, 'white'))]).toEqual([0x103, false])
  })

  test.runIf(asRoot)(
    "all belong to one owner when there is one; folders that the archive does not mention stay root's",
    async () => {
      const { root } = places()
      await unpack(
        root,
        [
          item({ path: 'd', type: 'dir', mode: 0o755, uid: 9 }),
          item({ path: 'd/f', uid: 9 }),
          item({ path: 'd/l', type: 'symlink', link: 'x', uid: 9 }),
          item({ path: 'made/p', type: 'fifo', uid: 9 }),
        ],
        { owner: { uid: 3, gid: 4 } },
      )
      for (const path of ['d', 'd/f', 'd/l', 'made/p'])
        expect([lstatSync(join(root, path)).uid, lstatSync(join(root, path)).gid]).toEqual([3, 4])
      expect([lstatSync(join(root, 'made')).uid, lstatSync(join(root, 'made')).gid]).toEqual([0, 0])
    },
  )

  test('of the same name replace each other, whatever they are', async () => {
    const kinds: Record<string, TarItem[]> = {
      dir: [dir('x'), file('x/inner')],
      file: [file('x')],
      symlink: [link('x', 'elsewhere')],
      fifo: [fifo('x')],
      hardlink: [file('other', 'o'), hard('x', 'other')],
    }
    for (const [before, first] of Object.entries(kinds)) {
      for (const [after, second] of Object.entries(kinds)) {
        const { root } = places()
        await unpack(root, [...first, ...second])
        const alone = places().root
        await unpack(alone, [...(before === 'hardlink' ? [file('other', 'o')] : []), ...second])
        expect(treeLines(root), `${before} then ${after}`).toEqual(treeLines(alone))
      }
    }
  })

  test('keep what is in a folder that comes again', async () => {
    const { root } = places()
    await unpack(root, [dir('d', 0o700), file('d/a'), dir('d', 0o755)])
    expect(treeLines(root)).toEqual(['d dir 755', 'd/a file 644 "new"'])
  })

  test('whose folders are not mentioned get them, with times that do not depend on the clock', async () => {
    const { root } = places()
    mkdirSync(join(root, 'there'))
    utimesSync(join(root, 'there'), 50, 50)
    utimesSync(root, 60, 60)
    await unpack(root, [of({ path: 'there/new/deep/f', mtime: 70 })])
    expect(
      ['', 'there', 'there/new', 'there/new/deep'].map((path) => statSync(join(root, path)).mtimeMs / 1000),
    ).toEqual([60, 50, 70, 70])
  })

  test('may write into the root through slashes and dots', async () => {
    const { root } = places()
    await unpack(root, [file('/abs'), file('./a/./b'), dir('c//d/')])
    expect(treeLines(root)).toEqual([
      'a dir 755',
      'a/b file 644 "new"',
      'abs file 644 "new"',
      'c dir 755',
      'c/d dir 755',
    ])
  })
})

describe('nothing leaves the root', () => {
  const attacks: readonly (readonly [name: string, items: (outside: string) => TarItem[]])[] = [
    ['a file through an absolute symlink', (out) => [link('l', out), file('l/canary')]],
    ['a file through a relative symlink', () => [link('l', '../outside'), file('l/canary')]],
    [
      'a file through a chain',
      (out) => [
        link('a', 'b'),
        link('b', '../../..'),
        file('a/outside/canary'),
        link('c', `a${out}`),
        file('c/canary'),
      ],
    ],
    ['a file in the place of a symlink', (out) => [link('l', `${out}/canary`), file('l')]],
    ['a folder in the place of a symlink', (out) => [link('l', `${out}/folder`), dir('l', 0o700)]],
    [
      'a hard link to a file through a symlink',
      (out) => [link('l', out), file('l/x'), hard('h', 'l/x'), file('h', 'changed')],
    ],
    ['a hard link to a symlink', (out) => [link('l', `${out}/canary`), hard('h', 'l')]],
    ['a pipe, its folder replaced by a symlink', (out) => [dir('d'), fifo('d/pipe'), link('d', out)]],
    [
      'a pipe, a folder above replaced by a symlink',
      (out) => [dir('d'), dir('d/folder'), fifo('d/folder/pipe'), link('d', out)],
    ],
    ['times, their folder replaced by a symlink', (out) => [dir('d'), dir('d/folder'), link('d', out)]],
    ['a whiteout, its folder replaced by a symlink', (out) => [dir('d'), file('d/.wh.canary'), link('d', out)]],
    ['an opaque folder replaced by a symlink', (out) => [dir('d'), file('d/.wh..wh..opq'), link('d', out)]],
    [
      'an opaque folder below one that is replaced',
      (out) => [dir('d'), dir('d/folder'), file('d/folder/.wh..wh..opq'), link('d', out)],
    ],
    ['a whiteout through a symlink', (out) => [link('l', out), file('l/.wh.canary'), file('l/.wh.folder')]],
    [
      'a folder replaced through a symlink to itself',
      (out) => [dir('d'), link('l', 'd'), fifo('l/pipe'), link('d', out)],
    ],
    [
      'attributes, their folder replaced by a symlink',
      (out) => [
        dir('d'),
        of({ path: 'd/canary', data: 'x', xattrs: new Map([['user.x', Buffer.from('y')]]) }),
        link('d', out),
      ],
    ],
  ]

  test.each(attacks)('by %s', async (_name, items) => {
    for (const options of [{}, { upper: 'root' }, { into: 'sub' }] as const) {
      const { root, outside, expectCanary } = places()
      // A layer over nothing shows all of itself: its own folder plays the upper one.
      const actual = 'upper' in options ? { upper: root } : options
      await unpack(root, items(outside), actual).catch((error: unknown) => expect(error).toBeInstanceOf(XbuildError))
      expectCanary()
    }
  })

  test.each([
    ['..', 'OUTSIDE_CONTEXT'],
    ['../outside/canary', 'OUTSIDE_CONTEXT'],
    ['a/../../outside/canary', 'OUTSIDE_CONTEXT'],
    ['/../x', 'OUTSIDE_CONTEXT'],
    ['.wh...', 'BAD_IMAGE'],
    ['d/.wh...', 'BAD_IMAGE'],
    ['.wh..', 'BAD_IMAGE'],
    ['.wh.', 'BAD_IMAGE'],
  ])('by the name %s', async (path, code) => {
    const { root, expectCanary } = places()
    writeFileSync(join(root, 'kept'), '')
    await expect(unpack(root, [file(path)], { upper: root })).rejects.toMatchObject({ code })
    expectCanary()
    expect(readdirSync(root)).toContain('kept')
  })

  test('names with .. that stay inside are what they mean by their text', async () => {
    const { root } = places()
    await unpack(root, [link('l', 'd/e'), file('a/../b'), file('l/../f'), hard('h', 'x/../b')])
    expect(readdirSync(root).filter((name) => ['a', 'b', 'f', 'h', 'x'].includes(name))).toEqual(['b', 'f', 'h'])
  })

  test.each(['../outside/canary', '/../outside/canary', 'd/../../outside/canary'])(
    'by a hard link to %s',
    async (target) => {
      const { root, expectCanary } = places()
      await expect(unpack(root, [dir('d'), hard('h', target)])).rejects.toMatchObject({ code: 'OUTSIDE_CONTEXT' })
      expectCanary()
    },
  )

  test('by any order of hostile entries', async () => {
    const path = fc.constantFrom(
      'd',
      'd/e',
      'd/e/f',
      'l',
      'l/canary',
      'l/folder',
      'l/folder/canary',
      'd/.wh.canary',
      'd/.wh..wh..opq',
      'l/.wh.folder',
    )
    const target = fc.constantFrom('../outside', '../../outside', '/d', 'd', '..', '/', 'l')
    const entry = fc.oneof(
      path.map((p) => dir(p)),
      path.map((p) => file(p, 'hostile')),
      path.map(fifo),
      fc.tuple(path, target).map(([p, t]) => link(p, t)),
      fc.tuple(path, path).map(([p, t]) => hard(p, t)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 2, maxLength: 8 }), async (items) => {
        const { root, outside, expectCanary } = places()
        await unpack(root, [...items, link('d', outside)], { upper: root }).catch((error: unknown) =>
          expect(error).toBeInstanceOf(XbuildError),
        )
        expectCanary()
      }),
      { numRuns: 60 },
    )
  })
})

describe('whiteouts', () => {
  /** What an overlay would do is played by a merged folder and an upper one that holds what the layer brought. */
  function overlay(below: readonly string[], brought: readonly string[]): { merged: string; upper: string } {
    const top = tempFolder()
    const [merged, upper] = [join(top, 'merged'), join(top, 'upper')]
    for (const [folder, paths] of [
      [merged, [...below, ...brought]],
      [upper, brought],
    ] as const) {
      mkdirSync(folder)
      for (const path of paths) {
        mkdirSync(join(folder, path, '..'), { recursive: true })
        writeFileSync(join(folder, path), '')
      }
    }
    return { merged, upper }
  }
  const names = (root: string) =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name).slice(root.length + 1))
      .sort()

  test.each([
    ['a file', ['a', 'b'], [], ['.wh.a'], ['b']],
    ['a folder with all that is in it', ['d/x/y', 'd/z', 'e'], [], ['.wh.d'], ['e']],
    ['what is not there', ['a'], [], ['.wh.nothing'], ['a']],
    [
      'what lies below, not what the layer brought',
      ['d/old', 'd/both/old'],
      ['d/new', 'd/both/new'],
      ['.wh.d'],
      ['d/both/new', 'd/new'],
    ],
    ['nothing of a file that the layer brought', [], ['f'], ['.wh.f'], ['f']],
    ['everything below an opaque folder', ['d/old', 'd/e/old', 'f'], ['d/new'], ['d/.wh..wh..opq'], ['d/new', 'f']],
    ['everything below an opaque root', ['old', 'd/old'], ['new'], ['.wh..wh..opq'], ['new']],
    ['nothing for the notes of aufs', ['a'], [], ['.wh..wh.plnk', '.wh..wh.aufs'], ['a']],
  ])('remove %s', async (_name, below, brought, whiteouts, left) => {
    const { merged, upper } = overlay(below, brought)
    await unpack(
      merged,
      whiteouts.map((path) => file(path, '')),
      { upper },
    )
    expect(names(merged)).toEqual(left)
  })

  test('are names like others in an archive that is no layer, and refused: the layer made of it could not hold them', async () => {
    const { root } = places()
    await expect(unpack(root, [file('a/.wh.b')], { into: 'd' })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('a/.wh.b'),
    })
  })
})

describe('an archive for a folder of the image', () => {
  test('goes there, and absolute symlinks on the way begin there, too', async () => {
    const { root, expectCanary } = places()
    mkdirSync(join(root, 'opt/app'), { recursive: true })
    symlinkSync('/data', join(root, 'opt/app/link'))
    await unpack(
      root,
      [of({ path: '.', type: 'dir', mode: 0o700 }), file('link/f'), file('own/f'), hard('second', 'own/f')],
      { into: 'opt/app' },
    )
    expect(treeLines(root)).toEqual([
      'opt dir 755',
      'opt/app dir 755',
      'opt/app/data dir 755',
      'opt/app/data/f file 644 "new"',
      'opt/app/link -> /data',
      'opt/app/own dir 755',
      'opt/app/own/f file 644 "new"',
      'opt/app/second file 644 "new"',
    ])
    expectCanary()
  })
})

test.each<[string, TarItem[]]>([
  ['a file', [of({ path: 'l', type: 'symlink', link: '..' }), file('l/f')]],
  ['a folder', [of({ path: 'l', type: 'symlink', link: '..' }), dir('l/d')]],
  ['a file through two links', [dir('d'), of({ path: 'd/l', type: 'symlink', link: '../..' }), file('d/l/f')]],
  ['a hard link', [file('f'), of({ path: 'l', type: 'symlink', link: '../x' }), hard('h', 'l/f')]],
])('an archive for a folder of the image does not leave it by %s', async (_, items) => {
  const { root } = places()
  mkdirSync(join(root, 'x'))
  await expect(unpack(root, items, { into: 'sub' })).rejects.toMatchObject({
    code: 'OUTSIDE_CONTEXT',
    message: expect.stringContaining('points outside of the destination'),
  })
  expect(treeLines(root).filter((line) => !line.startsWith('sub'))).toEqual(['x dir 755'])
})

test('a further name in an archive for a folder of the image changes the owner and the mode of the file', async () => {
  const { root } = places()
  await unpack(root, [file('f'), of({ path: 'h', type: 'hardlink', link: 'f', mode: 0o750 })], { into: 'd' })
  expect(treeLines(root)).toContainEqual(expect.stringMatching(/^d\/f file 750/))
})

describe('errors', () => {
  test.each<[string, TarItem[], string, RegExp]>([
    ['a link to nothing', [hard('h', 'nothing')], 'BAD_IMAGE', /"h": it is a link to "nothing", which is missing/],
    ['a link to a folder', [dir('d'), hard('h', 'd')], 'BAD_IMAGE', /which is a folder/],
    ['a link to the root', [hard('h', '/')], 'BAD_IMAGE', /which is a folder/],
    ['a file for a folder', [file('f'), file('f/g')], 'NOT_FOUND', /"\/f" is not a folder/],
    ['a name that is too long', [file('n'.repeat(300))], 'BAD_IMAGE', /"n{160}\.\.\.": .*name too long/],
    ['a symlink to nowhere', [of({ path: 'l', type: 'symlink', link: '' })], 'BAD_IMAGE', /Cannot unpack "l"/],
    ['a file without a name', [file('.')], 'BAD_IMAGE', /a file has no name/],
    ['a circle of symlinks', [link('a', 'b'), link('b', 'a'), file('a/f')], 'NOT_FOUND', /too many symbolic links/],
  ])('name %s and leave no file open', async (_name, items, code, said) => {
    const { root } = places()
    const before = openFiles()
    await expect(unpack(root, items)).rejects.toMatchObject({ code, message: expect.stringMatching(said) })
    expect(openFiles()).toBe(before)
  })

  test('in the middle of a file leave it closed', () => {
    const { root } = places()
    const before = openFiles()
    const unpacker = createUnpacker(root)
    createTarReader(unpacker.sink).write(tar([file('f', 'x'.repeat(2000))]).subarray(0, 1000))
    expect(openFiles()).toBe(before + 1)
    unpacker.close()
    unpacker.close()
    expect(openFiles()).toBe(before)
  })

  test('never show control characters of a name', async () => {
    const { root } = places()
    await expect(unpack(root, [hard('\u001b[2Jevil', 'x\u0007')])).rejects.toMatchObject({
      message: expect.not.stringMatching(/[\u0007\u001b]/),
    })
  })
})

test('a file that comes again without attributes has none', async () => {
  const { root } = places()
  const xattrs = new Map([
    ['user.other', Buffer.from([0, 1, 255])],
    ['user.overlay.opaque', Buffer.from('y')],
    ['trusted.x', Buffer.from('x')],
  ])
  await unpack(root, [
    of({ path: 'a', data: '1', xattrs }),
    of({ path: 'b =\n\\ü', data: '2', xattrs }),
    file('a', '3'),
  ])
  const { readXattrs } = await import('../../src/engine/worker/xattrs.ts')
  expect(await readXattrs(root, '.')).toEqual(
    new Map([['b =\n\\ü', new Map([['user.other', Buffer.from([0, 1, 255])]])]]),
  )
  expect(readFileSync(join(root, 'a'), 'utf8')).toBe('3')
})

test.each<[string, Partial<NonNullable<UnpackOptions['limits']>>, string, string?, TarItem['entry']['type']?]>([
  ['entries', { entries: 2 }, '2 entries'],
  ['attributes', { xattrBytes: 20 }, '20 bytes of extended attributes'],
  ['files with attributes', { keptBytes: 500 }, '500 bytes of folders, removed files'],
  ['removed files', { keptBytes: 500 }, '500 bytes of folders, removed files', '.wh.x'],
  ['pipes', { keptBytes: 500 }, '500 bytes of folders, removed files', 'x', 'fifo'],
  ['folders', { keptBytes: 500 }, '500 bytes of folders, removed files', 'x', 'dir'],
])('an archive of too many %s is refused', (_, limits, most, name = '', type = 'file') => {
  const { sink } = createUnpacker(tempFolder(), { limits: { entries: 9, xattrBytes: 99, keptBytes: 5000, ...limits } })
  const xattrs = new Map([['user.long', Buffer.from('12345')]])
  const add = (path: string) => {
    sink.entry({ path: `${name}${path}`, type, size: 0, mode: 0o644, mtime: 0, ...own, ...(name ? {} : { xattrs }) })
    sink.end()
  }
  add('a')
  expect(() => ['b', 'c', 'd'].forEach(add)).toThrow(`Cannot unpack an archive: it has more than ${most}`)
})
