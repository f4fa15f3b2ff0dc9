import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { platformOfNodeArch } from '../../src/platform.ts'
import { writeLayout, type LayerBytes } from '../support/layouts.ts'
import { readTree, summary } from '../support/read-tree.ts'
import { item, tar, type TarItem } from '../support/tar.ts'
import { treeLines } from '../support/tree.ts'
import { writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const outside = join(folder, 'outside')
const own = platformOfNodeArch(process.arch)
/** A line of a stack trace, which no user should see. */
const STACK = /^\s+at \S+ \(?.*:\d+:\d+\)?$/m
let busybox: Buffer
let count = 0

beforeAll(async () => {
  // The program alone: every test makes the rest of its image itself.
  const context = writeFiles(join(folder, 'program'), {
    Dockerfile: 'FROM busybox\nFROM scratch\nCOPY --from=busybox /bin/busybox /\n',
  })
  const out = join(folder, 'program/out')
  const { code, stderr } = await xbuild(
    ['--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`, '-o', `type=local,dest=${out}`, context],
    { store },
  )
  expect(code, stderr).toBe(0)
  busybox = readFileSync(join(out, 'busybox'))
  mkdirSync(join(outside, 'sub'), { recursive: true })
  writeFileSync(join(outside, 'canary'), 'sings')
  writeFileSync(join(outside, 'sub/canary'), 'sings')
})

const program = (): TarItem[] => [
  item({ path: 'bin', type: 'dir', mode: 0o755 }),
  item({ path: 'bin/sh', data: busybox, mode: 0o755 }),
  ...['cat', 'ls', 'stat', 'rm', 'mkdir'].map((name) =>
    item({ path: `bin/${name}`, type: 'hardlink', link: 'bin/sh' }),
  ),
]
const dir = (path: string) => item({ path, type: 'dir', mode: 0o755 })
const link = (path: string, target: string) => item({ path, type: 'symlink', mode: 0o777, link: target })
const file = (path: string, data = '') => item({ path, data })

/** Builds on an image of the given layers; the first of them gets a shell. */
async function buildOn(layers: readonly LayerBytes[], dockerfile: string) {
  count += 1
  const layout = writeLayout(join(folder, `base-${count}`), layers, { os: own.os, architecture: own.architecture })
  const context = writeFiles(join(folder, `context-${count}`), { Dockerfile: `FROM base\n${dockerfile}` })
  const out = join(folder, `out-${count}.tar`)
  const ended = await xbuild(
    ['--build-context', `base=oci-layout://${layout}`, '-o', `type=tar,dest=${out}`, context],
    { store },
  )
  return { ...ended, out }
}

const layersOf = (...layers: readonly (readonly TarItem[])[]): LayerBytes[] =>
  layers.map((items, index) => ({ tar: tar(index === 0 ? [...program(), ...items] : items) }))

describe('a base image that tries to leave its root', () => {
  const attacks: readonly (readonly [name: string, layers: () => LayerBytes[]])[] = [
    ['writes through a symlink', () => layersOf([link('l', outside), file('l/canary', 'hacked')])],
    [
      'writes through a symlink of the layer below',
      () => layersOf([link('l', outside)], [file('l/canary', 'hacked'), file('l/sub/canary', 'hacked')]),
    ],
    ['removes through a symlink', () => layersOf([link('l', outside)], [file('l/.wh.canary'), file('l/.wh.sub')])],
    [
      'removes in a folder that becomes a symlink',
      () => layersOf([dir('d')], [dir('d'), file('d/.wh.canary'), file('d/.wh..wh..opq'), link('d', outside)]),
    ],
    ['removes what is above', () => layersOf([], [file('.wh...'), file('.wh..')])],
    [
      'makes a pipe in a folder that becomes a symlink',
      () => layersOf([dir('d'), item({ path: 'd/pipe', type: 'fifo' }), link('d', outside)]),
    ],
    [
      'links to a file outside',
      () => layersOf([item({ path: 'h', type: 'hardlink', link: `../../../../../../../..${outside}/canary` })]),
    ],
    ['has dots in a name', () => layersOf([file(`../../../../../../../..${outside}/canary`, 'hacked')])],
  ]

  test.each(attacks)('%s', async (_name, layers) => {
    const before = treeLines(outside)
    const { code, stderr, out } = await buildOn(layers(), 'RUN ["/bin/sh", "-c", "true"]\n')
    expect(treeLines(outside)).toEqual(before)
    // Either it is refused in words, or it is harmless inside.
    if (code === 0) expect(existsSync(out)).toBe(true)
    else expect([code, stderr]).toEqual([1, expect.stringMatching(/error: Cannot unpack "/)])
    expect(stderr).not.toMatch(STACK)
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})

/** A zstd frame for which a window of two gigabytes is to be kept. */
function wideWindow(): LayerBytes {
  const plain = tar([file('f')])
  const { stdout } = spawnSync('zstd', ['--long=31', '-c'], { input: plain, maxBuffer: 1 << 28 })
  return { tar: plain, packed: { bytes: stdout, mediaType: MEDIA_TYPE.layerZstd } }
}

/** 66 MiB of them, in files of 600,000 bytes each. */
function attributes(): TarItem[] {
  const xattrs = new Map(Array.from({ length: 10 }, (_, n) => [`user.${n}`, Buffer.alloc(60_000, 'x')] as const))
  return Array.from({ length: 115 }, (_, n) => item({ path: `f${n}`, xattrs }))
}

describe('layers', () => {
  test('take away, hide and replace what lies below', async () => {
    const { code, stderr, out } = await buildOn(
      layersOf(
        [
          dir('a'),
          file('a/old', '1'),
          dir('b'),
          file('b/old', '1'),
          dir('b/sub'),
          file('b/sub/old', '1'),
          file('c', '1'),
          dir('d'),
          file('d/old', '1'),
          link('e', 'c'),
        ],
        [
          file('a/.wh.old'),
          dir('b'),
          file('b/.wh..wh..opq'),
          file('b/new', '2'),
          file('c', '2'),
          file('d', 'a file now'),
          dir('e'),
          file('e/in', '2'),
        ],
        [file('b/third', '3'), file('.wh.a')],
      ),
      'RUN ["/bin/sh", "-c", "ls -R /b > /seen"]\n',
    )
    expect(code, stderr).toBe(0)
    const tree = readTree(out)
    const at = (path: string) => summary(tree.get(path))
    expect(['a', 'a/old', 'b/old', 'b/sub', 'b/sub/old', 'd/old'].map(at)).toEqual(Array(6).fill('absent'))
    expect(['b/new', 'b/third', 'c', 'd', 'e/in'].map(at)).toEqual(
      ['"2"', '"3"', '"2"', '"a file now"', '"2"'].map((text) => `file 644 0:0 ${text}`),
    )
    expect(tree.get('seen')?.content).toBe('/b:\nnew\nthird\n')
  })

  test('packed with zstd, or not at all, are the same', async () => {
    const plain = tar([...program(), file('f', 'content')])
    const zstd = spawnSync('zstd', ['-c'], { input: plain, maxBuffer: 1 << 28 })
    expect(zstd.status, 'the program zstd').toBe(0)
    for (const packed of [
      { bytes: zstd.stdout, mediaType: MEDIA_TYPE.layerZstd },
      { bytes: plain, mediaType: MEDIA_TYPE.layer },
    ]) {
      const { code, stderr, out } = await buildOn(
        [{ tar: plain, packed }],
        `RUN ["/bin/sh", "-c", "cat /f > /${packed.mediaType.length}"]\n`,
      )
      expect(code, stderr).toBe(0)
      expect(readTree(out).get(String(packed.mediaType.length))?.content).toBe('content')
    }
  })

  test.each<[string, () => LayerBytes, RegExp]>([
    ['are no archive', () => ({ tar: Buffer.from('no archive '.repeat(100)) }), /Cannot read a tar archive at byte 0/],
    [
      'are cut',
      () => ({ tar: tar([file('f', 'x'.repeat(3000))]).subarray(0, 2000) }),
      /it ends in the middle of an entry/,
    ],
    [
      'are no gzip after their first bytes',
      () => ({
        tar: Buffer.alloc(1024),
        packed: {
          bytes: Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(100, 'x')]),
          mediaType: MEDIA_TYPE.layerGzip,
        },
      }),
      /Cannot unpack/,
    ],
    ['want gigabytes of memory', wideWindow, /zstd would need more than 512 MiB of memory/],
    [
      'have more attributes than any layer',
      () => ({ tar: tar(attributes()) }),
      /it has more than 67108864 bytes of extended attributes/,
    ],
    [
      'are something else than the config says',
      () => ({ tar: tar([file('f')]), packed: { bytes: tar([file('g')]), mediaType: MEDIA_TYPE.layer } }),
      /its content has the digest sha256:[0-9a-f]{64}, the image expects sha256:/,
    ],
  ])('that %s are refused', async (_name, layer, said) => {
    const { code, stderr } = await buildOn([...layersOf([]), layer()], 'RUN ["/bin/sh", "-c", "true"]\n')
    expect(code).toBe(1)
    expect(stderr).toMatch(said)
    expect(stderr).not.toMatch(STACK)
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})

test('a layer that holds a thousand times its size does not fill the disk, and leaves it as it was', async () => {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'xbuild-test', disk])
  try {
    const small = join(disk, 'store')
    const ended = (layers: readonly LayerBytes[]) =>
      xbuild(
        [
          '--build-context',
          `base=oci-layout://${writeLayout(join(folder, `bomb-${layers.length}`), layers, { os: own.os, architecture: own.architecture })}`,
          bomb,
        ],
        { store: small },
      )
    const bomb = writeFiles(join(folder, 'bomb'), { Dockerfile: 'FROM base\nRUN ["/bin/sh", "-c", "true"]\n' })
    const zeros = tar([item({ path: 'zeros', data: Buffer.alloc(200 << 20) })])
    const { code, stderr } = await ended([...layersOf([]), { tar: zeros }])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the disk is nearly full|no space left/)])
    expect(stderr).not.toMatch(STACK)
    expect(await leftovers(small)).toEqual(CLEAN)
    const { bavail, bsize } = statfsSync(disk)
    expect(bavail * bsize).toBeGreaterThan(60 << 20)
    const after = await ended(layersOf([]))
    expect(after.code, after.stderr).toBe(0)
  } finally {
    execFileSync('umount', [disk])
  }
})

describe('ADD of an archive', () => {
  test('ends at the destination, links of the image too; keeps owners and stays the same from build to build', async () => {
    const context = writeFiles(join(folder, 'add'), { Dockerfile: 'FROM base\nADD a.tar /opt/\n' })
    writeFileSync(
      join(context, 'a.tar'),
      tar([
        dir('.'),
        file('link/in', 'through'),
        item({ path: 'deep/er/own', data: 'x', uid: 7, gid: 8, mode: 0o4755, mtime: 5 }),
      ]),
    )
    const layout = writeLayout(join(folder, 'add-base'), layersOf([dir('opt'), link('opt/link', '/data')]), {
      os: own.os,
      architecture: own.architecture,
    })
    const digests: string[] = []
    for (const name of ['one', 'two']) {
      const out = join(folder, `add-${name}.tar`)
      const oci = join(folder, `add-${name}`)
      const ended = await xbuild(
        [
          '--build-context',
          `base=oci-layout://${layout}`,
          '-o',
          `type=tar,dest=${out}`,
          '-o',
          `type=oci,dest=${oci}`,
          context,
        ],
        { store: join(folder, `store-${name}`), env: { SOURCE_DATE_EPOCH: '1700000000' } },
      )
      expect(ended.code, ended.stderr).toBe(0)
      digests.push(ended.stdout)
      const tree = readTree(out)
      expect([
        summary(tree.get('opt/data/in')),
        summary(tree.get('opt/deep/er/own')),
        summary(tree.get('opt/link')),
      ]).toEqual(['file 644 0:0 "through"', 'file 4755 7:8 "x"', expect.stringMatching(/-> \/data$/)])
      expect(tree.get('opt/deep')?.mtime).toBe(5)
    }
    expect(digests[1]).toBe(digests[0])
  })

  test('that is hostile is refused and leaves everything as it was', async () => {
    const before = treeLines(outside)
    const context = writeFiles(join(folder, 'add-bad'), { Dockerfile: 'FROM scratch\nADD a.tar /x/\n' })
    writeFileSync(join(context, 'a.tar'), tar([link('l', outside), file('../../outside/canary', 'hacked')]))
    const { code, stderr } = await xbuild([context], { store })
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/Cannot unpack "\.\.\/\.\.\/outside\/canary": its path points outside of the destination/),
    ])
    expect(treeLines(outside)).toEqual(before)
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})

test('file capabilities go through RUN, COPY --from, layers and back', async () => {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex') // cap_net_bind_service+ep, version 2
  const { code, stderr, out } = await buildOn(
    layersOf([
      dir('x'),
      item({ path: 'x/prog', data: 'p', mode: 0o755, xattrs: new Map([['security.capability', capability]]) }),
    ]),
    'RUN ["/bin/sh", "-c", "echo > /touched"]\nFROM scratch\nCOPY --from=0 /x/prog /one\nCOPY --from=0 /x /all\n',
  )
  expect(code, stderr).toBe(0)
  const tree = readTree(out)
  for (const path of ['one', 'all/prog'])
    expect(tree.get(path)?.xattrs?.get('security.capability')?.toString('hex'), path).toBe(capability.toString('hex'))
})
