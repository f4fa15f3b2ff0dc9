import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Content } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { extension, item, paxRecord, tar } from '../support/tar.ts'
import { createSandbox, type Mode, MODES } from './support/modes.ts'

/** Stores with room for little: what would fill the machine's disk fills them. */
const folder = tempFolder()
const sandbox = createSandbox(folder)
const disks: string[] = []
const SIZE = 64 << 20
const INODES = 6000

beforeAll(() => {
  for (const mode of ['native', 'rootless'] as const) {
    const disk = sandbox.store(mode)
    const { uid, gid } = statSync(mode === 'rootless' ? join(folder, 'home') : folder)
    mkdirSync(disk, { recursive: true })
    if (mode === 'rootless') execFileSync('chown', ['-R', `${uid}:${gid}`, join(folder, 'home/.local')])
    const options = `size=${SIZE},nr_inodes=${INODES},mode=700,uid=${uid},gid=${gid}`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', disk])
    disks.push(disk)
  }
})
afterAll(() => disks.forEach((disk) => void execFileSync('umount', ['--lazy', disk])))

/** A build that fills the disk ends with an error that says so, and leaves room for the next one. */
async function expectFull(mode: Mode, files: Readonly<Record<string, Content>>): Promise<void> {
  const { code, stderr } = await sandbox.build(mode, files)
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/^error: Cannot /m)
  expect(stderr).toMatch(/no space left|ENOSPC|is (nearly )?full|it has more than/i)
  expect(stderr).not.toMatch(/^\s+at .*js:\d|unhandled|bug in xbuild/im)
  const { ffree, bavail, bsize } = statfsSync(sandbox.store(mode))
  expect([ffree > INODES / 2, bavail * bsize > SIZE / 2], dirname(sandbox.store(mode))).toEqual([true, true])
}

const FLOODS = {
  files: 'mkdir /m && cd /m && i=0 && while [ $i -lt 9999 ]; do : > $i || exit 1; i=$((i+1)); done',
  folders: 'cd / && mkdir -p $(seq 9999)',
  bytes: 'cat /dev/zero > /f',
} as const

const STEPS = [
  ...MODES.map((mode) => [mode, 'files'] as const),
  ...(['folders', 'bytes'] as const).map((name) => ['native', name] as const),
  ['rootless', 'bytes'] as const,
]
test.each(STEPS)('a %s step that floods the store with %s', async (mode, name) => {
  await expectFull(mode, { Dockerfile: `FROM busybox\nRUN ${FLOODS[name]}\n` })
})

const many = (type: 'file' | 'dir' | 'symlink') =>
  tar(
    Array.from({ length: 9999 }, (_, n) =>
      item({ path: `m/${n}`, type, ...(type === 'symlink' ? { link: 'x' } : {}) }),
    ),
  )

const ARCHIVES: Readonly<Record<string, () => Buffer>> = {
  'of many files': () => gzipSync(many('file')),
  'of many folders': () => gzipSync(many('dir')),
  'of many links': () => gzipSync(many('symlink')),
  'of many attributes': () => gzipSync(attributes()),
  'packed by gzip': () => bomb('gzip'),
  'packed by bzip2': () => bomb('bzip2'),
  'packed by xz': () => bomb('xz'),
  'packed by zstd': () => bomb('zstd'),
}

const ADDED = [
  ...Object.keys(ARCHIVES).map((name) => ['native', name] as const),
  ...['of many files', 'packed by xz'].map((name) => ['rootless', name] as const),
]
test.each(ADDED)('ADD in a %s build of an archive %s', async (mode, name) => {
  await expectFull(mode, { Dockerfile: 'FROM busybox\nADD a /m/\n', a: ARCHIVES[name]!() })
})

/** Three times 30 MiB of attributes: more than an archive may have. */
function attributes(): Buffer {
  const record = paxRecord('SCHILY.xattr.user.a', 'x'.repeat(60_000))
  const one = (n: number) => [extension('x', record), tar([item({ path: `f${n}` })]).subarray(0, 512)]
  return Buffer.concat([...Array.from({ length: 1500 }, (_, n) => one(n)).flat(), Buffer.alloc(1024)])
}

/** A file of a gigabyte in some kilobytes: streams of such programs may follow one another. */
function bomb(program: string): Buffer {
  const pack = (input: Buffer) => spawnSync(program, ['-1', '-c'], { input, maxBuffer: 1 << 28 }).stdout
  const zeros = 16 << 20
  const head = tar([item({ path: 'f', data: Buffer.alloc(0) })]).subarray(0, 512)
  head.write((zeros * 64).toString(8).padStart(11, '0'), 124)
  head.fill(' ', 148, 156)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([pack(head), ...Array<Buffer>(64).fill(pack(Buffer.alloc(zeros)))])
}
