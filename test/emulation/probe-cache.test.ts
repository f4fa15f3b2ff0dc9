import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addRecords, readRecords, runnerKey } from '../../src/emulation/probe-cache.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-probes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('records are added to, and read back', async () => {
  const path = join(folder, 'deep/er/probes.json')
  await addRecords(path, { arm64: { name: 'qemu 7', runner: 'a' } })
  await addRecords(path, { '386': {}, arm64: { name: 'qemu 8', runner: 'b' } })
  expect(await readRecords(path)).toEqual({ '386': {}, arm64: { name: 'qemu 8', runner: 'b' } })
})

test.each([
  ['nothing', ''],
  ['half a file', '{"key":'],
  ['another type', '[]'],
  ['null', 'null'],
  ['another kernel', JSON.stringify({ key: '1 2.4.0 x64 0', records: { arm64: { name: 'q', runner: 'r' } } })],
])('a file with %s holds no record', async (_, content) => {
  const path = join(folder, 'bad.json')
  writeFileSync(path, content)
  expect(await readRecords(path)).toEqual({})
})

test('records of a wrong shape are left out', async () => {
  const path = join(folder, 'shape.json')
  await addRecords(path, { arm64: { name: 'q', runner: 'r' } })
  const file = JSON.parse(readFileSync(path, 'utf8')) as { records: Record<string, unknown> }
  file.records = { ...file.records, a: null, b: 'x', c: { name: 'q' }, d: { name: 5, runner: 5 }, e: { runner: 'r' } }
  writeFileSync(path, JSON.stringify(file))
  expect(Object.keys(await readRecords(path))).toEqual(['arm64'])
})

test('a folder that cannot be written is no error', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  await addRecords(join(file, 'probes.json'), { '386': {} })
  expect(await readRecords(join(file, 'probes.json'))).toEqual({})
})

test('a runner is another one when its file changed', () => {
  const emulator = { architecture: 'arm64', path: '/q', size: 1, mtime: 2, static: true }
  const key = runnerKey({ via: 'private', emulator })
  expect(runnerKey({ via: 'private', emulator: { ...emulator } })).toBe(key)
  for (const change of [{ size: 2 }, { mtime: 3 }, { path: '/r' }]) {
    expect(runnerKey({ via: 'private', emulator: { ...emulator, ...change } })).not.toBe(key)
  }
})
