import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { packagePurl } from '../../src/sbom/purl.ts'
import { rpmPackages } from '../../src/sbom/rpm.ts'
import { readerOf } from '../../src/sbom/files.ts'

/** Made by rpm itself, see make-rpmdb.sh: rows on several pages, and one that is larger than a page. */
const DATABASE = gunzipSync(readFileSync(join(import.meta.dirname, '../fixtures/sbom/rpmdb.sqlite.gz')))

test("packages of rpm's database in SQLite", () => {
  const { packages = [] } = rpmPackages(DATABASE)
  expect(packages).toHaveLength(41)
  expect(packages.find(({ name }) => name === 'many')).toEqual({
    ecosystem: 'rpm',
    name: 'many',
    version: '2:1.2.3-4',
    architecture: expect.stringMatching(/^\w+$/),
    license: 'MIT and GPL-2.0-or-later',
    source: 'many-1.2.3-4.src.rpm',
  })
  const parts = packages.filter(({ name }) => name.startsWith('part'))
  expect(new Set(parts.map(({ name }) => name)).size).toBe(40)
  expect(new Set(parts.map(({ architecture }) => architecture))).toEqual(new Set(['noarch']))
})

test('a package URL has the epoch beside the version', () => {
  const one = { ecosystem: 'rpm', name: 'a+b', version: '2:1.2-3.el9', architecture: 'noarch' } as const
  expect(packagePurl(one, { id: 'rocky', version: '9.4' })).toBe(
    'pkg:rpm/rocky/a%2Bb@1.2-3.el9?arch=noarch&distro=rocky-9.4&epoch=2',
  )
  expect(packagePurl({ ...one, version: '1' }, undefined)).toBe('pkg:rpm/a%2Bb@1?arch=noarch')
})

test('a damaged database is told, and none is read for ever', () => {
  for (const size of [0, 15, 99, 100, 511, 4096, 8192, DATABASE.length - 4096])
    expect(rpmPackages(DATABASE.subarray(0, size)), String(size)).toEqual({ unread: true })
  // A page that leads to itself, and rows that share the pages of one
  const pages = DATABASE.length / 4096
  for (let page = 0; page < pages; page++) {
    for (const [at, byte] of [
      [8, 1],
      [11, 2],
      [3, 0xff],
      [0, 0x05],
    ] as const) {
      const copy = Buffer.from(DATABASE)
      copy[page * 4096 + (page === 0 ? 100 : 0) + at] = byte
      expect(rpmPackages(copy).packages?.length ?? 0).toBeLessThanOrEqual(41)
    }
  }
  // Numbers from a fixed sequence in the place of bytes of the pages that hold the table
  let state = 1
  const next = (below: number) => (state = (state * 48271) % 0x7fffffff) % below
  for (let round = 0; round < 500; round++) {
    const copy = Buffer.from(DATABASE)
    for (let count = 0; count < 3; count++) copy[next(copy.length)] = next(256)
    copy[next(200)] = next(256)
    expect(() => rpmPackages(copy)).not.toThrow()
  }
})

test('databases of other forms are named, and so is what SQLite has not put into the file yet', () => {
  const read = (path: string, data: string) => readerOf(path)?.read(Buffer.from(data))
  expect(read('var/lib/rpm/Packages', 'x')).toEqual({ unread: true })
  expect(read('usr/lib/sysimage/rpm/Packages.db', 'x')).toEqual({ unread: true })
  expect(read('var/lib/rpm/rpmdb.sqlite-wal', 'x')).toEqual({ unread: true })
  expect(read('var/lib/rpm/rpmdb.sqlite-wal', '')).toEqual({})
  expect(readerOf('usr/lib/sysimage/rpm/rpmdb.sqlite')?.read(DATABASE).packages).toHaveLength(41)
})
