import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { pullPacks, pushPacks } from '../../../src/cli/pack-registry.ts'
import { readFetched } from '../../../src/emulation/packs/fetched.ts'
import { manifestText, type PackManifest } from '../../../src/emulation/packs/pack.ts'
import { listPacks, verifyPack } from '../../../src/emulation/packs/pack-folder.ts'
import { matchRecipe, readRecipes, rulesOf } from '../../../src/emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'
import { MEDIA_TYPE } from '../../../src/oci/descriptor.ts'
import { makeDocument } from '../../../src/oci/make-manifest.ts'
import { host, NAME, packOf, sha, storePack } from '../../support/test-pack.ts'
import { startRegistry, type DebianRegistry } from '../../support/registry-debian.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-fetched-'))
const recipes = await readRecipes()
let registry: DebianRegistry

beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(async () => {
  await registry.stop()
  rmSync(folder, { recursive: true, force: true })
})

function edges() {
  const said: string[] = []
  return {
    folder: mkdtempSync(join(folder, 'store-')),
    registries: {},
    terminal: { env: {}, stderr: { write: (text: string) => said.push(text) } as unknown as Terminal['stderr'] },
    signal: AbortSignal.timeout(60_000),
  }
}

test('a pack goes to a registry and comes back the same; a second time nothing is fetched', async () => {
  const pack = storePack(folder, packOf())
  const pinned = await pushPacks(`${registry.host}/team/packs:1`, [pack], edges())
  expect(pinned).toMatch(/\/team\/packs@sha256:[0-9a-f]{64}$/)
  const there = edges()
  const [fetched] = await pullPacks(pinned, [], there)
  expect(fetched?.digest).toBe(pack.digest)
  expect(await verifyPack(fetched!)).toEqual([])
  expect((await listPacks(there.folder)).map(({ digest }) => digest)).toEqual([pack.digest])
  execFileSync(process.execPath, [
    '-e',
    `require('fs').accessSync(process.argv[1], 1)`,
    join(fetched!.folder, 'bin', NAME),
  ])
  expect((await pullPacks(pinned, [], there))[0]?.digest).toBe(pack.digest)
  expect(await pullPacks(pinned, ['arm64'], edges())).toEqual([])
  await expect(pullPacks(`${registry.host}/team/packs:1`, [], edges())).rejects.toMatchObject({ code: 'BAD_OPTION' })
})

const rules = (...lines: string[]) => ({ twin: { ...packOf().twin, rules: lines } })
const file = (path: string) => ({ ...packOf().files[0]!, path })
const fileOf = (name: string) => file(`bin/${name}`)
const start = `exec {pack}/bin/${NAME}`

test.each<readonly [string, Partial<PackManifest> | object]>([
  ['a file above the pack', { files: [file('bin/../../x')] }],
  ['a file at the root', { files: [file('/etc/passwd')] }],
  ['a file deeper', { files: [file('bin/a/b')] }],
  ['the same file twice', { files: [...packOf().files, ...packOf().files] }],
  ['another file beside', { files: [...packOf().files, file('verified')] }],
  ['two programs', { files: [...packOf().files, file('bin/sh')] }],
  ['another program', { files: [file('bin/ld')] }],
  ['a program of the image', rules('skip @', 'exec /bin/sh')],
  ['a program of another pack', rules('skip @', `exec {pack}/../x/bin/${NAME}`)],
  ['something started before', rules('skip @', 'exec /bin/sh', start)],
  ['a rule that is missing', rules(start)],
  ['a rule that adds an argument', rules('skip @', 'add -fplugin=/x', start)],
  ['a rule with a line of its own', rules('skip @', 'names\nexec /bin/sh', start)],
  ['a loader that is not there', rules('skip @', `load {pack} ${NAME}`)],
  ['another recipe', { recipe: 'cc1' }],
  ['a program that no recipe is for', { twin: { ...packOf().twin, program: '/bin/sh' } }],
  ['packages of another name', { packages: packOf().packages.map((one) => ({ ...one, name: 'evil' })) }],
  ['packages of one architecture', { packages: packOf().packages.map((one) => ({ ...one, architecture: 'all' })) }],
  ['another machine', { host: 'mips' }],
  ['another format', { format: 2 }],
  ['no files', { files: undefined }],
  ['a size that is none', { files: [{ ...file(`bin/${NAME}`), size: -1 }] }],
  ['too many bytes', { files: [{ ...file(`bin/${NAME}`), size: 2e9 }] }],
])('%s is refused', (_, change) => {
  const text = manifestText({ ...packOf(), ...change } as PackManifest)
  expect(() => readFetched(manifestText(packOf()), { recipes, host })).not.toThrow()
  expect(() => readFetched(text, { recipes, host })).toThrow(expect.objectContaining({ code: 'BAD_IMAGE' }))
})

describe('a pack of several programs', () => {
  const twinOf = (name: string, further: readonly string[] = [`exec {pack}/bin/${name}`]) => {
    const path = `/usr/bin/${name}`
    const match = matchRecipe(recipes, path, PACK_TARGETS['arm64']!)!
    return { id: sha(Buffer.from(name)).slice(0, 40), program: path, rules: [...rulesOf(match), ...further] }
  }
  const several = (change: Partial<PackManifest> = {}) =>
    manifestText(
      packOf({
        recipe: 'coreutils',
        architecture: 'arm64',
        source: { name: 'coreutils', version: '9.7-3' },
        packages: ['arm64', host.debian].map((architecture) => ({
          ...{ name: 'coreutils', version: '9.7-3', architecture, sha256: 'a'.repeat(64) },
        })),
        files: ['cat', '[', 'cp'].map(fileOf),
        twin: twinOf('cat'),
        others: [twinOf('['), twinOf('cp')],
        ...change,
      }),
    )

  test('is taken when each has the rules of its recipe', () => {
    expect(readFetched(several(), { recipes, host }).others).toHaveLength(2)
  })

  test.each<readonly [string, Partial<PackManifest>]>([
    ['starts a program of the image', { others: [twinOf('['), twinOf('cp', ['exec /bin/sh'])] }],
    ['starts another of the pack', { others: [twinOf('['), twinOf('cp', ['exec {pack}/bin/cat'])] }],
    ['has rules of its own', { others: [twinOf('['), { ...twinOf('cp'), rules: ['exec {pack}/bin/cp'] }] }],
    ['adds what no maker of packs adds', { others: [twinOf('['), twinOf('cp', ['add -x', 'exec {pack}/bin/cp'])] }],
    [
      'loads a library of its own',
      { others: [twinOf('['), twinOf('cp', ['preload {pack}/lib/guest.so', 'exec {pack}/bin/cp'])] },
    ],
    ['is of another recipe', { others: [twinOf('['), twinOf('diff')] }],
    ['is not there', { files: ['cat', '['].map(fileOf) }],
    ['is there and has no rules', { others: [twinOf('[')] }],
    ['has no build-id', { others: [twinOf('['), { ...twinOf('cp'), id: '' }] }],
  ])('is refused when one %s', (_, change) => {
    expect(() => readFetched(several(change), { recipes, host })).toThrow(
      expect.objectContaining({ code: 'BAD_IMAGE' }),
    )
  })
})

test('a pack of Python has the rules that know scripts with their modules; one for other paths is refused', () => {
  const path = '/usr/bin/python3.13'
  const digest = 'a'.repeat(32)
  const own = rulesOf(matchRecipe(recipes, path, PACK_TARGETS['arm64']!)!)
  const packed = (...further: string[]) => {
    const twin = { id: 'c'.repeat(40), program: path, rules: [...own, ...further, 'exec {pack}/bin/python3.13'] }
    const packages = ['arm64', host.debian].map((architecture) => ({
      ...{ name: 'python3.13-minimal', version: '3.13.5-2', architecture, sha256: 'a'.repeat(64) },
    }))
    const source = { name: 'python3.13', version: '3.13.5-2' }
    const architecture = 'arm64'
    return manifestText(
      packOf({ recipe: 'cpython', architecture, source, packages, files: [fileOf('python3.13')], twin }),
    )
  }
  const known = [`kept /etc/x.py ${digest}`, `text ${digest} /usr/lib/x ${digest}`, 'preload {pack}/lib/guest.so']
  expect(readFetched(packed(...known), { recipes, host }).recipe).toBe('cpython')
  for (const wrong of [`text ${digest} x ${digest}`, `kept x ${digest}`, `text ${digest} /x`])
    expect(() => readFetched(packed(wrong), { recipes, host })).toThrow(expect.objectContaining({ code: 'BAD_IMAGE' }))
})

test('a compiler that was built from source names the package of that source', () => {
  const path = '/usr/lib/gcc/aarch64-linux-gnu/12/cc1'
  const match = matchRecipe(recipes, path, PACK_TARGETS['arm64']!)!
  const of = (name: string, architecture: string) => ({ name, version: '12', architecture, sha256: 'a'.repeat(64) })
  const built = (sources: ReturnType<typeof of>) =>
    manifestText(
      packOf({
        recipe: 'cc1',
        architecture: 'arm64',
        source: { name: 'gcc-12', version: '12' },
        packages: [of('cpp-12', 'arm64'), sources],
        files: [{ ...packOf().files[0]!, path: 'bin/cc1' }],
        twin: { id: 'b'.repeat(40), program: path, rules: [...rulesOf(match), 'exec {pack}/bin/cc1'] },
      }),
    )
  expect(readFetched(built(of('gcc-12-source', 'all')), { recipes, host }).recipe).toBe('cc1')
  for (const other of [of('gcc-13-source', 'all'), of('gcc-12-source', host.debian), of('evil', 'all')])
    expect(() => readFetched(built(other), { recipes, host })).toThrow('its packages are not those')
})

test('texts that are no manifest, or another writing of one, are refused', () => {
  for (const text of ['', '{', 'null', '[]', '{}', manifestText(packOf()).trim(), `${manifestText(packOf())} `])
    expect(() => readFetched(text, { recipes, host })).toThrow(expect.objectContaining({ code: 'BAD_IMAGE' }))
})

test('a program that is none of this machine is refused, and leaves nothing', async () => {
  const script = Buffer.from('#!/bin/sh\nexit 0\n')
  const manifest = packOf({ files: [{ path: `bin/${NAME}`, size: script.length, sha256: sha(script) }] })
  const pinned = await pushPacks(`${registry.host}/evil/packs:1`, [storePack(folder, manifest, script)], edges())
  const there = edges()
  await expect(pullPacks(pinned, [], there)).rejects.toMatchObject({ code: 'BAD_IMAGE' })
  expect(readdirSync(there.folder)).toEqual([])
})

test('an index of something else, or with a manifest that is not there, is refused', async () => {
  const client = (await import('../../../src/registry/client.ts')).createRegistryClient({ registries: {}, env: {} })
  const at = { host: registry.host, repository: 'evil/other' }
  try {
    const index = makeDocument(MEDIA_TYPE.index, { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] })
    await client.pushManifest({ ...at, tag: '1' }, index, { signal: AbortSignal.timeout(10_000) })
    const name = `${at.host}/${at.repository}@${index.descriptor.digest}`
    await expect(pullPacks(name, [], edges())).rejects.toMatchObject({ code: 'BAD_IMAGE' })
    const wrong = `${at.host}/${at.repository}@sha256:${'0'.repeat(64)}`
    await expect(pullPacks(wrong, [], edges())).rejects.toMatchObject({ code: 'NOT_FOUND' })
  } finally {
    await client.close()
  }
  expect(existsSync(folder)).toBe(true)
})
