import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addShares, readShares } from '../../../src/emulation/packs/shares.ts'

const root = mkdtempSync(join(tmpdir(), 'xbuild-shares-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('what builds spent is added up, the last one counting most; short builds tell nothing', async () => {
  const folder = mkdtempSync(join(root, 'packs-'))
  expect([...(await readShares(folder))]).toEqual([])
  await addShares(folder, new Map([['arm64', { native: 10, emulated: 30 }]]))
  await addShares(
    folder,
    new Map([
      ['arm64', { native: 40, emulated: 5 }],
      ['riscv64', { native: 0, emulated: 4 }],
    ]),
  )
  expect([...(await readShares(folder))]).toEqual([['arm64', { native: 45, emulated: 20 }]])
})

test.each([
  '',
  '[]',
  'null',
  '{"arm64":null}',
  '{"arm64":{"native":-1,"emulated":9}}',
  '{"arm64":{"native":1e999,"emulated":1}}',
])('a file with %s tells nothing, and is replaced', async (text) => {
  const folder = mkdtempSync(join(root, 'packs-'))
  writeFileSync(join(folder, 'shares.json'), text)
  expect([...(await readShares(folder))]).toEqual([])
  await addShares(folder, new Map([['arm64', { native: 6, emulated: 0 }]]))
  expect([...(await readShares(folder))]).toEqual([['arm64', { native: 6, emulated: 0 }]])
})
