import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  closeSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { item, readTar, tar } from '../support/tar.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-tar-'))
const long = `${'l'.repeat(60)}/${'m'.repeat(60)}/${'n'.repeat(90)}`
const unicode = 'Grüße/日本/🎉'

afterAll(() => rmSync(folder, { recursive: true }))

/** GNU tar, which every Debian has; its messages in English, times in UTC. */
function gnuTar(args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr } = spawnSync('tar', [...args], {
    cwd: folder,
    input,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: ${String(stderr)}`)
  return stdout
}

describe('archives of GNU tar', () => {
  beforeAll(() => {
    mkdirSync(join(folder, 't', long, '..'), { recursive: true })
    mkdirSync(join(folder, 't/Grüße/日本'), { recursive: true })
    writeFileSync(join(folder, 't', long), 'long')
    writeFileSync(join(folder, 't', unicode), 'party')
    writeFileSync(join(folder, 't/plain'), 'x'.repeat(1300))
    linkSync(join(folder, 't/plain'), join(folder, 't/second'))
    symlinkSync(long, join(folder, 't/soft'))
    chmodSync(join(folder, 't/plain'), 0o4751)
    utimesSync(join(folder, 't/plain'), 1234567890, 1234567890.75)
  })

  test.each(['ustar', 'pax', 'gnu', 'oldgnu', 'v7'])('of format %s are read', (format) => {
    // v7 and ustar know no long link, v7 no long name either.
    const short = format === 'v7' ? ['--exclude=l*', '--exclude=soft'] : format === 'ustar' ? ['--exclude=soft'] : []
    const items = readTar(
      gnuTar(['-c', `--format=${format}`, '--owner=:1234', '--group=:4321', '--sort=name', ...short, '-C', 't', '.']),
    )
    const found = new Map(
      items.map(({ entry, data }) => [entry.path.replace(/^\.\/?/, ''), { ...entry, data: data.toString() }]),
    )
    expect(found.get('')).toMatchObject({ type: 'dir' })
    expect(found.get(unicode)).toMatchObject({ type: 'file', data: 'party', uid: 1234, gid: 4321 })
    expect(found.get('plain')).toMatchObject({
      type: 'file',
      mode: 0o4751,
      size: 1300,
      mtime: 1234567890,
      data: 'x'.repeat(1300),
    })
    expect(found.get('second')).toMatchObject({ type: 'hardlink', link: './plain', size: 0 })
    if (format !== 'v7') expect(found.get(long)).toMatchObject({ type: 'file', data: 'long' })
    if (short.length === 0) expect(found.get('soft')).toMatchObject({ type: 'symlink', link: long })
  })

  test('with large ids and times before the epoch are read', () => {
    for (const format of ['gnu', 'pax']) {
      const [first] = readTar(
        gnuTar([
          '-c',
          `--format=${format}`,
          '--owner=:3000000',
          '--group=:4294967294',
          '--mtime=@-5',
          '-C',
          't',
          'plain',
        ]),
      )
      expect(first!.entry).toMatchObject({ uid: 3000000, gid: 4294967294, mtime: -5 })
    }
  })

  test.each(['0.0', '0.1', '1.0'])('with files with holes are read, of format %s', (version) => {
    for (const [name, at, size] of [
      ['middle', 1 << 20, 4 << 20],
      ['end', 3_000_000, 0],
      ['start', 0, 100_000],
      ['empty', undefined, 70_000],
    ] as const)
      writeHoles(name, { at, size })
    const args = ['-c', '--sparse', '--format=pax', `--sparse-version=${version}`, '-C', 'h', '.']
    const all = readTar(gnuTar([...args, '--sort=name'])).filter(({ entry }) => entry.type === 'file')
    expect(all.map(({ entry }) => entry.path)).toEqual(['./empty', './end', './middle', './start'])
    for (const { entry, data } of all) {
      expect(entry).toMatchObject({ size: data.length })
      expect(data.equals(readFileSync(join(folder, 'h', entry.path)))).toBe(true)
    }
  })

  test('of old GNU format with a file with holes are refused by its name', () => {
    writeHoles('old', { at: 1 << 20, size: 4 << 20 })
    expect(() => readTar(gnuTar(['-c', '--sparse', '--format=gnu', '-C', 'h', 'old']))).toThrow(
      /"old" is a sparse file/,
    )
  })

  function writeHoles(name: string, { at, size }: { at: number | undefined; size: number }): void {
    mkdirSync(join(folder, 'h'), { recursive: true })
    const fd = openSync(join(folder, 'h', name), 'w')
    if (at !== undefined) writeSync(fd, 'x', at)
    closeSync(fd)
    if (size > 0) truncateSync(join(folder, 'h', name), size)
  }

  test('with a volume label are read: the label is no file', () => {
    const [label, file] = readTar(gnuTar(['-c', '--format=gnu', '-V', 'my label', '-C', 't', 'plain']))
    expect(label!.entry).toMatchObject({ type: 'other', path: 'my label' })
    expect(file!.entry.path).toBe('plain')
  })
})

describe('what we write', () => {
  test('GNU tar lists with every property', () => {
    const bytes = tar([
      item({ path: 'd', type: 'dir', mode: 0o2755, uid: 7, gid: 8, mtime: 1_000_000_000 }),
      item({ path: `d/${'x'.repeat(150)}`, data: 'content', uid: 3_000_000, gid: 0xfffffffe, mtime: -1 }),
      item({ path: 'é', type: 'symlink', mode: 0o777, link: 'ü'.repeat(80) }),
      item({ path: 'hard', type: 'hardlink', link: `d/${'x'.repeat(150)}` }),
      item({ path: 'null', type: 'char', mode: 0o666, devMajor: 1, devMinor: 3 }),
      item({ path: 'disk', type: 'block', mode: 0o660, devMajor: 259, devMinor: 70_000 }),
      item({ path: 'pipe', type: 'fifo', mode: 0o600 }),
    ])
    const lines = gnuTar(['-tvf', '-', '--numeric-owner', '--quoting-style=literal'], bytes)
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' '))
    expect(lines).toEqual([
      'drwxr-sr-x 7/8 0 2001-09-09 01:46 d/',
      `-rw-r--r-- 3000000/4294967294 7 1969-12-31 23:59 d/${'x'.repeat(150)}`,
      `lrwxrwxrwx 0/0 0 1970-01-01 00:00 é -> ${'ü'.repeat(80)}`,
      `hrw-r--r-- 0/0 0 1970-01-01 00:00 hard link to d/${'x'.repeat(150)}`,
      'crw-rw-rw- 0/0 1,3 1970-01-01 00:00 null',
      'brw-rw---- 0/0 259,70000 1970-01-01 00:00 disk',
      'prw------- 0/0 0 1970-01-01 00:00 pipe',
    ])
  })

  test('GNU tar unpacks to the same bytes', () => {
    const data = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251))
    const out = gnuTar(['-xOf', '-', unicode], tar([item({ path: 'other', data: 'x' }), item({ path: unicode, data })]))
    expect(out.equals(data)).toBe(true)
  })
})
