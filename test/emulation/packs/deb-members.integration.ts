import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readMembers } from '../../../src/emulation/packs/deb-members.ts'
import { partsOf } from '../../../src/emulation/packs/deb-parts.ts'

const signal = new AbortController().signal
let work: string

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'xbuild-deb-'))
})
afterEach(() => rmSync(work, { recursive: true }))

const run = (file: string, ...args: string[]) => execFileSync(file, args, { cwd: work, maxBuffer: 1 << 26 })

/** A member of ar(5). */
function member(name: string, content: Buffer): Buffer {
  const head = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`
  return Buffer.concat([Buffer.from(head), content, Buffer.from(content.length % 2 ? '\n' : '')])
}

/** A package of these files in this order, compressed in blocks of 1 MiB. */
function packageOf(files: Readonly<Record<string, Buffer | string>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(work, 'files', path)), { recursive: true })
    if (typeof content === 'string') symlinkSync(content, join(work, 'files', path))
    else writeFileSync(join(work, 'files', path), content)
  }
  run('tar', '--create', '--file=data.tar', '--directory=files', ...Object.keys(files).map((path) => `./${path}`))
  run('tar', '--create', '--file=control.tar', '--files-from=/dev/null')
  run('xz', '-0', '--threads=1', '--block-size=1MiB', 'data.tar', 'control.tar')
  const deb = join(work, 'one.deb')
  const inside = (name: string) => member(name, readFileSync(join(work, name)))
  writeFileSync(
    deb,
    Buffer.concat([
      Buffer.from('!<arch>\n'),
      member('debian-binary', Buffer.from('2.0\n')),
      inside('control.tar.xz'),
      inside('data.tar.xz'),
    ]),
  )
  return deb
}

const [MIB, LAST] = [1 << 20, Buffer.from('what is wanted, behind all of it')]

/** A large file that holds a whole archive with a file of the wanted name. */
function disguised(): Buffer {
  mkdirSync(join(work, 'disguise/usr/lib'), { recursive: true })
  writeFileSync(join(work, 'disguise/usr/lib/last'), 'not this one')
  const archive = run('tar', '--create', '--directory=disguise', './usr/lib/last')
  return Buffer.concat([Buffer.alloc(8 * MIB), archive, Buffer.alloc(MIB + 7)])
}

const read = (folder: string, path: string) => readFileSync(join(work, folder, path))

function into(deb: string, folder: string, wanted: Parameters<typeof readMembers>[1]): Promise<boolean> {
  mkdirSync(join(work, folder))
  return readMembers(deb, wanted, { folder: join(work, folder), signal })
}

describe('files of a package', () => {
  test('are the same whether or not blocks before them are left out', async () => {
    const small = Buffer.from('small')
    const deb = packageOf({ 'usr/bin/first': small, 'usr/bin/large': disguised(), 'usr/lib/last': LAST })
    expect(partsOf(deb)?.blocks.length).toBeGreaterThan(9)
    expect(await into(deb, 'both', [{ path: /\/first$/ }, { path: /\/last$/ }])).toBe(true)
    expect(read('both', 'usr/bin/first')).toEqual(small)
    expect(read('both', 'usr/lib/last')).toEqual(LAST)
    expect(readdirSync(join(work, 'both'))).toEqual(['usr'])
    expect(existsSync(join(work, 'both/usr/bin/large'))).toBe(false)
  })

  test('are not unpacked where they are not wanted: a damaged block is not noticed', async () => {
    const deb = packageOf({ 'usr/bin/large': Buffer.alloc(9 * MIB, 'x'), 'usr/lib/last': LAST })
    const { blocks, data } = partsOf(deb)!
    const bytes = readFileSync(deb)
    bytes.fill(0x55, data + blocks[3]!.offset + 16, data + blocks[3]!.offset + 40)
    writeFileSync(deb, bytes)
    expect(() => run('sh', '-c', 'dpkg-deb --fsys-tarfile one.deb >/dev/null 2>&1')).toThrow()
    expect(await into(deb, 'last', [{ path: /\/last$/ }])).toBe(true)
    expect(read('last', 'usr/lib/last')).toEqual(LAST)
    expect(await into(deb, 'large', [{ path: /\/large$/ }])).toBe(false)
  })

  test('are read in part, with a hole behind that', async () => {
    const deb = packageOf({ 'usr/bin/large': Buffer.alloc(9 * MIB + 5, 'x'), 'usr/lib/last': LAST })
    expect(await into(deb, 'part', [{ path: /\/large$/, first: 1000 }, { path: /\/last$/ }])).toBe(true)
    const large = read('part', 'usr/bin/large')
    expect(large.subarray(0, 1000).equals(Buffer.alloc(1000, 'x'))).toBe(true)
    expect(large.subarray(1000).equals(Buffer.alloc(9 * MIB - 995))).toBe(true)
    expect(statSync(join(work, 'part/usr/bin/large')).blocks * 512).toBeLessThan(MIB)
    expect(read('part', 'usr/lib/last')).toEqual(LAST)
  })

  test('that are missing, links, or in no package are none', async () => {
    const deb = packageOf({ 'usr/lib/linked': '../../../etc/passwd', 'usr/lib/last': LAST })
    expect(await into(deb, 'missing', [{ path: /\/last$/ }, { path: /\/nothing$/ }])).toBe(false)
    expect(await into(deb, 'linked', [{ path: /\/linked$/ }])).toBe(false)
    writeFileSync(join(work, 'none.deb'), 'none')
    expect(await into(join(work, 'none.deb'), 'none', [{ path: /\/last$/ }])).toBe(false)
  })
})
