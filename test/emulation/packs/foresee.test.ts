import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { countSources, type SourceFiles } from '../../../src/emulation/packs/compiling.ts'
import { createDemand } from '../../../src/emulation/packs/demand.ts'
import { foresee, releaseOf, whyNoPacks } from '../../../src/emulation/packs/foresee.ts'
import { createForesight, matchesOf } from '../../../src/emulation/packs/foresight.ts'
import type { Makings } from '../../../src/emulation/packs/makings.ts'
import { parseStanzas, tableOf } from '../../../src/emulation/packs/apt-stanzas.ts'
import { readRecipes } from '../../../src/emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'
import { longestWait } from '../../../src/emulation/packs/waiting.ts'

const SHELL = ['dash', 'coreutils', 'sed', 'grep']
const APT = ['apt-get', 'apt-store', 'sqv', 'dpkg', 'dpkg-deb', 'tar', ...SHELL]
const C = ['cc1', 'as', 'gcc', 'collect2', 'ld']
const MADE = ['make', 'dash', 'coreutils', 'ar', 'ranlib', 'sed', 'grep']
const CONFIGURED = ['bash', 'diffutils', 'mawk']

describe('packs that the script of a RUN will need', () => {
  test.each([
    ['/bin/sh -c apt-get update && apt-get install -y curl', APT],
    [
      '/bin/sh -c apt-get update && apt-get install -y --no-install-recommends python3-minimal',
      [...APT, 'cpython', 'python-compile'],
    ],
    ['/bin/sh -c apt-get install -y \\\n  curl \\\n  python3', [...APT, 'cpython', 'python-compile']],
    ['/bin/sh -c apt-get install -y curl && python3 setup.py', APT],
    ['/bin/sh -c apt-get install -y gcc make g++ cmake', APT],
    ['/bin/sh -c apt list', []],
    ['/bin/sh -c gcc -O2 a.c', C],
    ['gcc -O2 a.c', C],
    ['/bin/sh -c cd src; for one in *.c; do CFLAGS= /usr/bin/gcc-14 -c $one; done', ['cc1', 'as', 'gcc']],
    ['/bin/sh -c ./configure && make', [...C, ...MADE, ...CONFIGURED]],
    [
      '/bin/sh -c autoreconf -fi',
      ['cc1', 'as', ...SHELL, 'gcc', 'collect2', 'ld', 'make', ...CONFIGURED, 'm4', 'perl'],
    ],
    ['/bin/sh -c g++ a.cc', ['cc1plus', 'as', 'gcc', 'g++', 'collect2', 'ld']],
    ['/bin/sh -c cmake --build .', [...C, ...MADE, 'cc1plus', 'g++', 'cmake']],
    ['/bin/sh -c cmake -G Ninja . && ninja', [...C, ...MADE, 'cc1plus', 'g++', 'cmake', 'ninja']],
    ['/bin/sh -c meson setup b && ninja -C b', [...C, ...MADE, 'cc1plus', 'g++', 'cpython', 'ninja']],
    ['/bin/sh -c go build ./...', ['go-command', 'go-image', 'go-compile', 'go-asm', 'go-link', 'go-cgo']],
    ['/bin/sh -c echo made; ls makefiles go-build; cat make gcc', []],
    ['/bin/sh -c npm install', []],
  ])('%s', (script, recipes) => {
    expect(
      foresee(script)
        .map(({ recipe }) => recipe)
        .sort(),
    ).toEqual([...recipes].sort())
  })

  test('what compiling would cost under QEMU depends on the sources', () => {
    const gainOf = (script: string, sources?: SourceFiles) =>
      foresee(script, sources).find(({ recipe }) => recipe === 'cc1')!.gain!
    const few = countSources([{ path: 'a.c', size: 100 }])!
    const many = countSources(Array.from({ length: 100 }, (_, index) => ({ path: `${index}.c`, size: 20_000 })))!
    expect(gainOf('gcc a.c')).toBeLessThan(1)
    expect(gainOf('gcc a.c', few)).toBeLessThan(gainOf('gcc a.c'))
    expect(gainOf('gcc *.c', few)).toBeLessThan(1)
    expect(gainOf('gcc *.c', many)).toBeGreaterThan(50)
    expect(gainOf('make', few)).toBeLessThan(1)
    expect(gainOf('make')).toBeGreaterThan(10)
    expect(gainOf('make', many)).toBeGreaterThan(50)
  })

  test('every one of them has a recipe that says what a start and a pack cost', async () => {
    const recipes = await readRecipes()
    const script = 'apt-get install python3 gcc\nautoreconf\n./configure\nmake\ncmake\ng++ a.cc\ngo build'
    for (const { recipe, starts } of foresee(script)) {
      const found = recipes.find(({ name }) => name === recipe)
      expect(found?.seconds, recipe).toBeGreaterThan(0)
      expect(found?.making, recipe).toBeGreaterThan(0)
      expect(starts).toBeGreaterThan(0)
    }
  })
})

test('sources are counted by language; an archive may hold any', () => {
  const files = ['a.c', 'b/c.cc', 'd.cpp', 'e.h', 'f.C', 'Makefile'].map((path) => ({ path, size: 10 }))
  expect(countSources(files)).toEqual({ c: { files: 1, bytes: 10 }, cxx: { files: 3, bytes: 30 } })
  expect(countSources([...files, { path: 'more.tar.gz', size: 10 }])).toBeUndefined()
})

describe('packs that are made before a program asks', () => {
  const image = { architecture: 'arm64', distribution: { id: 'debian', codename: 'trixie' } }
  async function made(script: string, opening = 0, sources?: SourceFiles): Promise<string[]> {
    const asked: string[] = []
    const makings: Makings = {
      make: (wanted) => {
        asked.push(wanted.recipe)
        return new Promise<never>(() => undefined)
      },
      makeBeside: () => new Promise<never>(() => undefined),
      opening: () => opening,
      read: () => new Set(),
      close: () => Promise.resolve(),
    }
    const folder = '/nonexistent/xbuild-test'
    const foresight = createForesight({
      folder,
      makings,
      recipes: () => readRecipes(),
      packs: () => Promise.resolve([]),
    })
    await foresight.begin([{ script, sources }], image)
    await foresight.begin([{ script, sources }], image)
    return asked
  }

  test('are none for one small program', async () => {
    expect(await made('/bin/sh -c gcc -o /hello hello.c', 3)).toEqual([])
  })

  test('are those that cost less than emulating', async () => {
    const asked = await made('/bin/sh -c make', 3)
    expect(asked).toEqual(expect.arrayContaining(['cc1', 'as', 'gcc']))
    expect(asked).not.toContain('make')
    expect(asked.length).toBe(new Set(asked).size)
  })

  test('are those of the linker and the archiver, too, where the assembler is made of the same packages', async () => {
    const sources = countSources(Array.from({ length: 8 }, (_, index) => ({ path: `${index}.c`, size: 30_000 })))!
    expect(await made('/bin/sh -c make', 3, sources)).toEqual(expect.arrayContaining(['as', 'ld', 'ar', 'ranlib']))
  })

  test('are none when reading the index of the archive costs more than all of them save', async () => {
    expect(await made('/bin/sh -c make', 1000)).toEqual([])
  })
})

test('what programs cost without a pack is known to the next build', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-demand-'))
  try {
    const first = createDemand(folder)
    expect(await first.add('arm64', 'cc1', 2)).toBe(2)
    expect(await first.add('arm64', 'cc1', 2)).toBe(4)
    await first.add('arm64', 'as', 1)
    await first.forget('arm64', 'as')
    await first.save()
    const second = createDemand(folder)
    expect(await second.add('arm64', 'cc1', 2)).toBe(6)
    expect(await second.add('arm64', 'as', 1)).toBe(1)
    expect(await second.add('riscv64', 'cc1', 1)).toBe(1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ['debian:13', 'trixie'],
  ['debian:13-slim', 'trixie'],
  ['docker.io/library/debian:trixie-slim@sha256:ab', 'trixie'],
  ['golang:1.24-bookworm', 'bookworm'],
  ['registry.example.com:5000/team/debian:12.5', 'bookworm'],
  ['ubuntu:24.04', 'noble'],
  ['ubuntu:22.04', 'jammy'],
  ['debian', undefined],
  ['notdebian:13', undefined],
  ['trixielike:1', undefined],
  ['python:3.13', undefined],
])('the name %s tells the release %s', (name, codename) => {
  expect(releaseOf(name)?.codename).toBe(codename)
})

test('programs with versions are made ahead in the version that the distribution uses', async () => {
  const stanza = (name: string, depends: string) =>
    `Package: ${name}\nVersion: 1\nArchitecture: arm64\nDepends: ${depends}\nFilename: pool/x.deb\nSHA256: ab\n\n`
  const text = stanza('gcc', 'cpp (= 1), gcc-14 (>= 14)') + stanza('golang-go', 'golang-src, golang-1.24-go')
  expect(parseStanzas(text)).toHaveLength(2)
  const table = tableOf([Buffer.from(text)])
  const apt = { versions: (name: string, architecture: string) => table.versions(name, [architecture]) }
  const recipes = await readRecipes()
  const versions = (name: string, from = apt) =>
    matchesOf(recipes.find((one) => one.name === name)!, PACK_TARGETS['arm64']![0]!, from).map(({ version }) => version)
  expect(versions('cc1')).toEqual(['14'])
  expect(versions('gcc')).toEqual(['14'])
  expect(versions('go-compile')).toEqual(['1.24'])
  expect(versions('apt-get')).toEqual([''])
  expect(versions('python-compile')).toEqual([''])
  expect(versions('cc1', { versions: () => [] })).toEqual([])
})

describe('a program waits for its pack', () => {
  test.each([
    ['when emulating takes longer', { gain: 80_000, expected: 10_000, elapsed: 0, slowness: 1 }, 80_000],
    ['less when the pack was begun before', { gain: 80_000, expected: 10_000, elapsed: 6_000, slowness: 1 }, 74_000],
    [
      'not when what emulating takes is over already',
      { gain: 4_000, expected: 10_000, elapsed: 7_000, slowness: 1 },
      0,
    ],
    ['not when emulating is quicker', { gain: 2_000, expected: 10_000, elapsed: 0, slowness: 1 }, 0],
    ['not for what takes equally long', { gain: 10_000, expected: 10_000, elapsed: 0, slowness: 1 }, 0],
    ['not once emulating would have been quicker', { gain: 15_000, expected: 10_000, elapsed: 16_000, slowness: 1 }, 0],
    ['never for more than two minutes', { gain: 1e9, expected: 10_000, elapsed: 0, slowness: 1 }, 120_000],
    ['not after two minutes', { gain: 1e9, expected: 10_000, elapsed: 120_000, slowness: 1 }, 0],
    ['longer on a busy machine', { gain: 20_000, expected: 10_000, elapsed: 24_000, slowness: 4 }, 56_000],
    [
      'not for a pack whose making takes longer than the bound by what is expected',
      { gain: 2_000, expected: 10_000, elapsed: 60_000, slowness: 1 },
      0,
    ],
  ])('%s', (_, waiting, longest) => {
    expect(longestWait(waiting)).toBe(longest)
  })
})

test.each([
  ['ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\n', ['apk add build-base && make'], 'Alpine Linux v3.20'],
  ["ID='wolfi'\n", ['gcc -c a.c'], 'wolfi'],
  ['ID=alpine\nPRETTY_NAME="\u001b[2J"\n', ['g++ a.cc'], 'alpine'],
  ['ID=alpine\n', ['apk add curl', 'go build ./...'], undefined],
  ['ID=ubuntu\nVERSION_CODENAME=noble\n', ['make'], undefined],
  ['ID=debian\n', ['make'], undefined],
  ['', ['make'], undefined],
])('an image of %j that runs %j has no packs: %s', (osRelease, scripts, name) => {
  const said =
    name === undefined ? undefined : `the image is ${name}, and there are packs for Debian and Ubuntu images only`
  expect(whyNoPacks(scripts, osRelease)).toBe(said)
})
