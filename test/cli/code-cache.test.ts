import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loadCached } from '../../src/cli/code-cache.ts'
import { tempFolder } from '../support/temp-folder.ts'

let cache: string
let file: string

beforeEach(() => {
  cache = tempFolder()
  vi.stubEnv('XDG_CACHE_HOME', cache)
  file = join(tempFolder(), 'program.cjs')
  write(1)
})
afterEach(() => vi.unstubAllEnvs())

function write(value: number): void {
  writeFileSync(
    file,
    `const { basename } = require('node:path'); exports.value = () => ${value} + '@' + basename(__filename)`,
  )
  utimesSync(file, value, value)
}

const load = (kind = 'build') => loadCached<{ value(): string }>(file, '1.2.3', kind)
const folder = () => join(cache, 'xbuild/code')
const kept = () => readdirSync(folder())

test('a second run uses what the first one kept, and keeps nothing again', () => {
  load().keep()
  const [name] = kept()
  expect(name).toMatch(/^1\.2\.3_/)
  utimesSync(join(folder(), name!), 5, 5)
  const again = load()
  expect(again.exports.value()).toBe('1@program.cjs')
  again.keep()
  expect(kept()).toEqual([name])
  expect(readFileSync(join(folder(), name!)).length).toBeGreaterThan(32)
})

test('another program is another file, and the old one goes', () => {
  load().keep()
  const before = kept()
  write(2)
  const second = load()
  expect(second.exports.value()).toBe('2@program.cjs')
  second.keep()
  expect(kept()).toHaveLength(1)
  expect(kept()).not.toEqual(before)
})

test('each kind of run keeps code of its own, until the program is another one', () => {
  load().keep()
  load('bake').keep()
  expect(kept().map((name) => name.split('_').at(-1))).toEqual(['bake.bin', 'build.bin'])
  write(2)
  load('bake').keep()
  expect(kept().map((name) => name.split('_').at(-1))).toEqual(['bake.bin'])
})

test.each([
  [
    'with a byte turned',
    (path: string) => {
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(path, bytes)
    },
  ],
  ['cut off', (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 100))],
  ['empty', (path: string) => writeFileSync(path, '')],
  ['that others may write', (path: string) => chmodSync(path, 0o666)],
])('a kept file %s is not used, and replaced', (_, spoil) => {
  load().keep()
  const path = join(folder(), kept()[0]!)
  const good = readFileSync(path)
  spoil(path)
  const again = load()
  expect(again.exports.value()).toBe('1@program.cjs')
  again.keep()
  expect(readFileSync(path).length).toBeGreaterThan(good.length / 2)
  expect(readFileSync(path).subarray(0, 32)).not.toEqual(Buffer.alloc(32))
})

test('a folder that cannot be made is no error', () => {
  writeFileSync(join(cache, 'xbuild'), 'a file')
  const loaded = load()
  loaded.keep()
  expect(loaded.exports.value()).toBe('1@program.cjs')
})

test('a symbolic link in place of the folder is not followed', () => {
  const other = tempFolder()
  writeFileSync(join(other, 'precious.bin'), '')
  mkdirSync(join(cache, 'xbuild'))
  symlinkSync(other, folder())
  load().keep()
  expect(readdirSync(other)).toEqual(['precious.bin'])
})

test('nothing is kept in, or removed from, a folder that others may write to', () => {
  mkdirSync(folder(), { recursive: true })
  chmodSync(folder(), 0o777)
  writeFileSync(join(folder(), 'precious.bin'), '')
  load().keep()
  expect(kept()).toEqual(['precious.bin'])
})

test('files of one version keep their code beside each other, and each replaces its own', () => {
  const other = join(tempFolder(), 'other.cjs')
  writeFileSync(other, 'exports.value = () => 2')
  load().keep()
  loadCached(other, '1.2.3', 'image').keep()
  expect(kept()).toHaveLength(2)
  write(11)
  load().keep()
  expect(kept().map((name) => name.split('_')[1])).toEqual(['other.cjs', 'program.cjs'])
  loadCached(other, '1.2.4', 'image').keep()
  expect(kept()).toHaveLength(1)
})

test('nothing is kept below a folder that others may exchange, and nothing of it is used', () => {
  load().keep()
  const [name] = kept()
  chmodSync(join(cache, 'xbuild'), 0o777)
  writeFileSync(join(folder(), name!), 'no code')
  writeFileSync(join(folder(), 'precious.bin'), '')
  const again = load()
  expect(again.exports.value()).toBe('1@program.cjs')
  again.keep()
  expect(readFileSync(join(folder(), name!), 'utf8')).toBe('no code')
  expect(kept()).toHaveLength(2)
})

test('a pipe in the place of kept code is not waited for', () => {
  load().keep()
  const path = join(folder(), kept()[0]!)
  rmSync(path)
  execFileSync('mkfifo', ['-m', '600', path])
  expect(load().exports.value()).toBe('1@program.cjs')
})
