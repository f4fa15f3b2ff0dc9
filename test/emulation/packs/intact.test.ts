import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isIntact } from '../../../src/emulation/packs/intact.ts'
import type { Pack } from '../../../src/emulation/packs/pack.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-intact-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A pack of one file, whose change is so long ago that the file system's clock could tell another one. */
async function packOf(name: string, content: string): Promise<Pack> {
  const root = join(folder, name)
  mkdirSync(join(root, 'bin'), { recursive: true })
  writeFileSync(join(root, 'bin/tool'), content)
  await expect.poll(() => Date.now() - changed(join(root, 'bin/tool'))).toBeGreaterThan(30)
  const files = [{ path: 'bin/tool', size: content.length, sha256: createHash('sha256').update(content).digest('hex') }]
  return { folder: root, digest: '00', manifest: { files } as unknown as Pack['manifest'] }
}

const changed = (path: string) => lstatSync(path).ctimeMs
const proof = (pack: Pack) => readFileSync(join(pack.folder, 'verified'), 'utf8')

test('what was read once is not read again while nobody touched it', async () => {
  const pack = await packOf('once', 'right')
  expect(await isIntact(pack)).toBe(true)
  expect(proof(pack)).toMatch(/^[0-9a-f]{64}$/)
  // Not read: else this would be noticed
  const other = {
    ...pack,
    manifest: {
      files: pack.manifest.files.map((file) => ({ ...file, sha256: 'f'.repeat(64) })),
    } as unknown as Pack['manifest'],
  }
  expect(await isIntact(other)).toBe(true)
  // But after the machine was started anew
  expect(await isIntact(other, 'another boot')).toBe(false)
  expect(await isIntact(pack, 'another boot')).toBe(true)
  expect(await isIntact(other, 'another boot')).toBe(true)
})

test.each([
  [
    'other content of the same size and time',
    (path: string) => {
      const { atime, mtime } = lstatSync(path)
      writeFileSync(path, 'wrong')
      utimesSync(path, atime, mtime)
    },
  ],
  ['no file', (path: string) => rmSync(path)],
])('%s is noticed', async (name, change) => {
  const pack = await packOf(name, 'right')
  expect(await isIntact(pack)).toBe(true)
  change(join(pack.folder, 'bin/tool'))
  expect(await isIntact(pack)).toBe(false)
})

test('a file that was touched only is read again, and a proof that is none says nothing', async () => {
  const pack = await packOf('touched', 'right')
  expect(await isIntact(pack)).toBe(true)
  const before = proof(pack)
  utimesSync(join(pack.folder, 'bin/tool'), 1, 1)
  expect(await isIntact(pack)).toBe(true)
  writeFileSync(join(pack.folder, 'verified'), 'yes')
  await expect.poll(async () => (await isIntact(pack)) && proof(pack)).toMatch(/^[0-9a-f]{64}$/)
  expect(proof(pack)).not.toBe(before)
})
