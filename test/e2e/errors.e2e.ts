import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { run, runOk, xbuild, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
let bases: string[]
let count = 0

beforeAll(async () => {
  bases = await withBases('busybox')
})

/**
 * Builds files that cannot be built, and checks what holds for every error: one paragraph, no stack, no result,
 * nothing left.
 */
async function refused(files: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<Ended> {
  const context = writeFiles(join(folder, `case-${++count}`), files)
  const out = join(folder, `out-${count}`)
  const platform = args.includes('--platform') ? [] : ['--platform', 'linux/amd64,linux/arm64']
  const ended = await xbuild([...platform, ...bases, '-o', `type=oci,dest=${out}`, ...args, context], { store })
  expect(ended.code, ended.stderr).not.toBe(0)
  expect(ended.stdout).toBe('')
  expect(ended.stderr).toMatch(/^error: /m)
  expect(ended.stderr).not.toMatch(/^\s+at \S+ \(?.*:\d+:\d+\)?$/m)
  expect(existsSync(out)).toBe(false)
  expect(readdirSync(folder).filter((name) => name.includes('tmp-'))).toEqual([])
  expect(await leftovers(store)).toEqual(CLEAN)
  return ended
}

describe('a Dockerfile', () => {
  const cases: readonly (readonly [name: string, dockerfile: string, line: number, said: readonly RegExp[]])[] = [
    ['with an unknown instruction', 'FROM busybox\nCPOY a.txt /\n', 2, [/CPOY/, /COPY/]],
    ['with an instruction that lacks its arguments', 'FROM busybox\nCOPY\n', 2, [/COPY/]],
    ['with a broken flag', 'FROM busybox\nCOPY --chwon=1 a.txt /\n', 2, [/chwon/, /chown/]],
    ['that starts with no FROM', 'RUN true\n', 1, [/FROM/]],
    [
      'with an unknown stage in --from',
      'FROM busybox AS build\nFROM busybox\nCOPY --from=biuld /bin/sh /x\n',
      3,
      [/biuld/, /build/],
    ],
    [
      'whose stages need each other',
      'FROM busybox AS one\nCOPY --from=two /x /x\nFROM busybox AS two\nCOPY --from=one /x /x\n',
      2,
      [/one|two/, /circular|cycle|later|itself/i],
    ],
    ['that copies a file that is not there', 'FROM busybox\nCOPY a.tx /\n', 2, [/a\.tx/]],
    ['that copies from outside of the context', 'FROM busybox\nCOPY ../secret /\n', 2, [/\.\.\/secret/, /context/]],
    [
      'whose RUN fails',
      'FROM busybox\nRUN echo the last words && exit 42\n',
      2,
      [/the last words/, /42/, /linux\/a(md|rm)64/],
    ],
    ['whose RUN starts no program', 'FROM busybox\nRUN ["/no/such/program"]\n', 2, [/\/no\/such\/program/]],
    ['with a heredoc that does not end', 'FROM busybox\nRUN <<EOF\necho\n', 2, [/EOF/]],
    ['with a bad platform', 'FROM --platform=linux/ busybox\nRUN true\n', 1, [/linux\//]],
    ['with a bad reference', 'FROM busy:box:1\n', 1, [/busy:box:1/]],
  ]

  test.each(cases)('%s', async (_name, dockerfile, line, said) => {
    const { code, stderr } = await refused({ Dockerfile: dockerfile, 'a.txt': 'a\n' })
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(new RegExp(`Dockerfile:${line}\\b`))
    for (const part of said) expect(stderr).toMatch(part)
  })

  test('that is missing', async () => {
    const { code, stderr } = await refused({ 'a.txt': '' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/Dockerfile/)
    expect(stderr).toMatch(/hint: /)
  })

  test('with several mistakes has all of them named', async () => {
    const { stderr } = await refused({ Dockerfile: 'FROM busybox\nCPOY a /\nRNU true\n' })
    expect(stderr).toMatch(/CPOY/)
    expect(stderr).toMatch(/RNU/)
  })

  test.each([
    ['empty', ''],
    ['of zero bytes', '\0'.repeat(1000)],
    ['of one endless line', `FROM busybox\nRUN ${'x'.repeat(3_000_000)}\n`],
    ['of other bytes', Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 7919) % 256)).toString('latin1')],
  ])('that is %s is refused without a crash', async (_name, text) => {
    await refused({ Dockerfile: text })
  })
})

describe('the command line', () => {
  const good = { Dockerfile: 'FROM busybox\nCOPY a.txt /\n', 'a.txt': 'a\n' }

  test.each([
    ['an unknown platform text', ['--platform', 'linux//'], 2, /linux\/\//],
    ['an unknown flag', ['--platfrom', 'linux/amd64'], 2, /platform/],
    ['an unknown output', ['-o', 'type=zip,dest=x'], 2, /zip/],
    ['a build argument without a name', ['--build-arg', '=x'], 2, /build-arg/],
    ['an unknown stage as target', ['--target', 'nothing'], 1, /nothing/],
  ] as const)('with %s', async (_name, args, status, said) => {
    const { code, stderr } = await refused(good, args)
    expect(code, stderr).toBe(status)
    expect(stderr).toMatch(said)
  })

  test('without a context', async () => {
    const { code, stderr } = await xbuild(['build'], { store })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: /m)
  })

  test('with a context that is not there', async () => {
    const { code, stderr } = await xbuild([join(folder, 'nowhere')], { store })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/nowhere/)
  })
})

describe('a base image', () => {
  test('without the platform: the platforms it has are named', async () => {
    const { code, stderr } = await refused({ Dockerfile: 'FROM busybox\nCOPY a.txt /\n', 'a.txt': '' }, [
      '--platform',
      'linux/386',
    ])
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/linux\/386/)
    for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/riscv64'])
      expect(stderr).toContain(platform)
    expect(stderr).toMatch(/Dockerfile:1\b/)
  })

  test('of a registry that does not answer', async () => {
    const { code, stderr } = await refused({ Dockerfile: 'FROM 127.0.0.1:9/app:1\nRUN true\n' })
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/127\.0\.0\.1:9/)
    expect(stderr).toMatch(/Dockerfile:1\b/)
  })

  test('whose bytes are not what their digest says', async () => {
    const bad = join(folder, 'bad-layout')
    cpSync(await baseLayout('busybox'), bad, { recursive: true })
    const blobs = join(bad, 'blobs/sha256')
    for (const name of readdirSync(blobs)) if (statSync(join(blobs, name)).size > 100_000) spoil(join(blobs, name))
    const { code, stderr } = await refused({ Dockerfile: 'FROM bad\nRUN true\n' }, [
      '--build-context',
      `bad=oci-layout://${bad}`,
      '--store',
      join(folder, 'fresh-store'),
    ])
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/sha256:[0-9a-f]{12}/)
  })
})

describe('a store', () => {
  const project = {
    Dockerfile: 'FROM busybox\nCOPY a.txt /\nRUN echo made > /made\nCMD ["cat", "/made"]\n',
    'a.txt': 'a\n',
  }
  const damaged = join(folder, 'damaged-store')

  async function built(name: string): Promise<string> {
    const context = writeFiles(join(folder, 'damaged'), project)
    const args = [
      '--platform',
      'linux/amd64,linux/arm64',
      ...bases,
      '-o',
      `type=oci,dest=${join(folder, name)}`,
      context,
    ]
    const { code, stdout, stderr } = await xbuild(args, { store: damaged, env: { SOURCE_DATE_EPOCH: '1700000000' } })
    expect(code, stderr).toBe(0)
    return stdout
  }

  test('with damaged blobs makes the same image again', async () => {
    const before = await built('before')
    const blobs = filesUnder(damaged).filter((path) => /\/blobs\/sha256\/[^/]*[0-9a-f]{64}$/.test(path))
    expect(blobs.length).toBeGreaterThan(3)
    for (const path of blobs) spoil(path)
    expect(await built('after-spoiled')).toBe(before)
    expect((await runImage(join(folder, 'after-spoiled'), 'linux/arm64')).stdout).toBe('made\n')
    for (const path of blobs) if (existsSync(path)) truncateSync(path, 10)
    expect(await built('after-cut')).toBe(before)
    expect((await runImage(join(folder, 'after-cut'), 'linux/amd64')).stdout).toBe('made\n')
  })

  test('with damaged records makes the same image again', async () => {
    const before = await built('before-records')
    const records = filesUnder(damaged).filter(
      (path) => !/\/(blobs|snapshots|format)(\/|$)/.test(path) && statSync(path).size > 0,
    )
    expect(records.length).toBeGreaterThan(0)
    for (const path of records) writeFileSync(path, '{"half": ')
    expect(await built('after-records')).toBe(before)
    for (const path of records) writeFileSync(path, Buffer.from([0, 255, 254, 10]))
    expect(await built('after-bytes')).toBe(before)
  })

  test('of another format is left as it is', async () => {
    const other = writeFiles(join(folder, 'other-store'), { format: '99\n', kept: '' })
    const { code, stderr } = await xbuild([...bases, writeFiles(join(folder, 'other'), project)], { store: other })
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/99/)
    expect(readdirSync(other).sort()).toEqual(['format', 'kept'])
  })

  test('that cannot be made is named', async () => {
    const context = writeFiles(join(folder, 'no-store'), project)
    writeFileSync(join(folder, 'a-file'), '')
    const { code, stderr } = await xbuild([...bases, context], { store: join(folder, 'a-file/store') })
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/a-file\/store/)
  })
})

const root = process.getuid?.() === 0
if (!root) console.warn('Skipped: a full disk: mounting a small one needs root')

describe.skipIf(!root)('a full disk', () => {
  const disk = join(folder, 'disk')

  beforeAll(async () => {
    mkdirSync(disk)
    await runOk('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'full', disk])
  })
  afterAll(() => run('umount', [disk]))

  test('under the store: said so, and nothing half-written that a later build takes', async () => {
    const context = writeFiles(join(folder, 'full'), {
      Dockerfile: 'FROM busybox\nRUN head -c 20000000 /dev/urandom > /big\n',
    })
    const { code, stderr } = await xbuild(['--platform', 'linux/amd64', ...bases, context], {
      store: join(disk, 'store'),
    })
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/no space left|No space left/)
    expect(await leftovers(disk)).toMatchObject({ processes: [], temporary: [] })
    await runOk('mount', ['-o', 'remount,size=200m', disk])
    const again = await xbuild(['--platform', 'linux/amd64', ...bases, context], { store: join(disk, 'store') })
    expect(again.code, again.stderr).toBe(0)
    await runOk('rm', ['-rf', join(disk, 'store')])
    await runOk('mount', ['-o', 'remount,size=1m', disk])
  })

  test('under the result: said so, and no result of that name', async () => {
    const context = writeFiles(join(folder, 'full-out'), {
      Dockerfile: 'FROM busybox\nRUN head -c 5000000 /dev/urandom > /big\n',
    })
    const out = join(disk, 'out.tar')
    const { code, stderr } = await xbuild(
      ['--platform', 'linux/amd64', ...bases, '-o', `type=oci,dest=${out}`, context],
      { store },
    )
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/no space left|No space left/)
    expect(readdirSync(disk)).toEqual([])
  })
})

function filesUnder(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Turns one byte in the middle of a file. */
function spoil(path: string): void {
  const bytes = readFileSync(path)
  if (bytes.length === 0) return
  bytes[bytes.length >> 1]! ^= 0xff
  writeFileSync(path, bytes)
}

test('work that waits for nothing any more is not taken for done', async () => {
  const hook = join(folder, 'silent.cjs')
  // Requests that never end, and keep nothing open
  writeFileSync(
    hook,
    "const { EventEmitter } = require('node:events')\n" +
      "require('node:http').request = () => Object.assign(new EventEmitter(), { setTimeout() {}, end() {}, destroy() {} })\n",
  )
  const ended = await xbuild(['image', 'ls', '127.0.0.1:9/app'], { store, env: { NODE_OPTIONS: `--require ${hook}` } })
  expect(ended.code, ended.stderr).toBe(1)
  expect(ended.stderr).toMatch(/^error: xbuild came to an end before its work was done/)
})
