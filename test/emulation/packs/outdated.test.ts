import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sortPacks } from '../../../src/emulation/packs/current.ts'
import { knownToolchains } from '../../../src/emulation/packs/known.ts'
import { manifestText, packDigest, type PackManifest } from '../../../src/emulation/packs/pack.ts'
import { matchRecipe, readRecipes, rulesOf } from '../../../src/emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'
import { createTwins } from '../../../src/emulation/packs/twins.ts'
import { formatPacks } from '../../../src/ui/packs.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-outdated-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const path = '/usr/bin/aarch64-linux-gnu-gcc-12'
const pack = (id: string, rules: readonly string[]): PackManifest => ({
  format: 1,
  recipe: 'gcc',
  distribution: 'debian bookworm',
  architecture: 'arm64',
  host: 'amd64',
  source: { name: 'gcc-12', version: '12.2.0-14' },
  packages: [],
  files: [],
  twin: { id, program: path, rules: [...rules, 'load {pack} gcc'] },
})
let old: string

beforeAll(async () => {
  const rules = rulesOf(matchRecipe(await readRecipes(), path, PACK_TARGETS['arm64']!)!)
  for (const [id, own] of [
    ['aa', rules],
    ['bb', ['some -c -S -E', ...rules]],
  ] as const) {
    const manifest = pack(id, own)
    const digest = packDigest(manifest)
    if (id === 'bb') old = digest
    mkdirSync(join(folder, digest))
    writeFileSync(join(folder, digest, 'manifest.json'), manifestText(manifest))
  }
})

test('packs by rules of before are told from those that are used', async () => {
  const { current, outdated } = await sortPacks(folder)
  expect(current.map(({ manifest }) => manifest.twin.id)).toEqual(['aa'])
  expect(outdated.map(({ digest }) => digest)).toEqual([old])
})

test('a build says of a program, even of a driver, that its pack is not used', async () => {
  const twins = createTwins({ folder, signal: new AbortController().signal })
  const distribution = () => Promise.resolve(undefined)
  const find = (id: string) =>
    twins.find({ id, path, architecture: 'arm64' }, { distribution, siblings: [], wait: true, speculate: false })
  try {
    expect(await find('bb')).toMatchObject({
      minor: true,
      outdated: true,
      reason: expect.stringContaining(`; the pack gcc (gcc-12 12.2.0-14) ${old.slice(0, 12)} is not used`),
    })
    expect(await find('cc')).not.toHaveProperty('outdated')
    expect(await find('aa')).toHaveProperty('pack')
  } finally {
    await twins.close()
  }
})

test('plans and lists say so, too', async () => {
  const platform = { os: 'linux', architecture: 'arm64' } as const
  const [known] = await knownToolchains(folder, [{ status: 'ready', platform, emulator: 'qemu-aarch64' }])
  expect(known).toMatchObject({
    toolchains: { refused: expect.arrayContaining([expect.stringContaining(old.slice(0, 12))]) },
  })
  const row = {
    name: 'gcc',
    architecture: 'arm64',
    distribution: 'debian bookworm',
    host: 'amd64',
    size: 1,
    program: path,
  }
  const said = formatPacks([
    { ...row, digest: 'sha256:aaaaaaaaaaaaaa', used: true },
    { ...row, digest: `sha256:${old}`, used: false },
  ])
  expect(said).toContain(`Builds do not use ${old.slice(0, 12)}: rules of another version of xbuild made them`)
})

test.each(['guest.c', 'staying.c'])(
  'packs with the library for interpreters are made again when %s changes',
  async (name) => {
    const copy = join(folder, '..', `${basename(folder)}-qemu`)
    try {
      cpSync(join(import.meta.dirname, '../../../qemu'), copy, { recursive: true })
      const rules = async (program: string) =>
        rulesOf(matchRecipe(await readRecipes(join(copy, 'packs')), program, PACK_TARGETS['arm64']!)!)
      const [python, dash] = [await rules('/usr/bin/python3'), await rules('/usr/bin/dash')]
      appendFileSync(join(copy, 'handler', name), '/* mended */\n')
      expect(await rules('/usr/bin/python3')).not.toEqual(python)
      expect(await rules('/usr/bin/dash')).toEqual(dash)
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  },
)
