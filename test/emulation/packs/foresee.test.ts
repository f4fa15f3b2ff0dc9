import { describe, expect, test } from 'vitest'
import { foresee, releaseOf, whyNoPacks } from '../../../src/emulation/packs/foresee.ts'
import { matchesOf } from '../../../src/emulation/packs/foresight.ts'
import { parseStanzas, tableOf } from '../../../src/emulation/packs/apt-stanzas.ts'
import { readRecipes } from '../../../src/emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'
import { longestWait } from '../../../src/emulation/packs/waiting.ts'

const SHELL = ['dash', 'coreutils', 'sed', 'grep']
const APT = ['apt-get', 'apt-store', 'dpkg-deb', 'tar', ...SHELL]
const C = ['cc1', 'as', 'gcc', 'ld']
const MADE = ['ar', 'ranlib', 'make', ...SHELL]

describe('packs that the script of a RUN will need', () => {
  test.each([
    ['/bin/sh -c apt-get update && apt-get install -y curl', APT],
    [
      '/bin/sh -c apt-get update && apt-get install -y --no-install-recommends python3-minimal',
      [...APT, 'python-compile'],
    ],
    ['/bin/sh -c apt-get install -y \\\n  curl \\\n  python3', [...APT, 'python-compile']],
    ['/bin/sh -c apt-get install -y curl && python3 setup.py', APT],
    ['/bin/sh -c apt list', []],
    ['/bin/sh -c gcc -O2 a.c', C],
    ['/bin/sh -c ./configure && make', [...C, ...MADE, 'bash', 'diffutils', 'm4']],
    ['/bin/sh -c autoreconf -fi', ['bash', 'dash', 'coreutils', 'sed', 'grep', 'ld', 'diffutils', 'm4', 'perl']],
    ['/bin/sh -c g++ a.cc', [...C, 'cc1plus', 'g++']],
    ['/bin/sh -c cmake --build .', [...C, ...MADE, 'cc1plus', 'g++']],
    ['/bin/sh -c apt-get install -y gcc', [...APT, ...C]],
    ['/bin/sh -c go build ./...', ['go-command', 'go-image', 'go-compile', 'go-asm', 'go-link', 'go-cgo']],
    ['/bin/sh -c echo made; ls makefiles go-build', []],
    ['/bin/sh -c npm install', []],
  ])('%s', (script, recipes) => {
    expect(foresee(script).map(({ recipe }) => recipe)).toEqual(recipes)
  })

  test('every one of them has a recipe that says what a start costs', async () => {
    const recipes = await readRecipes()
    const script = 'apt-get install python3 gcc\n./configure\nmake\ncmake\ng++ a.cc\ngo build'
    for (const { recipe, starts } of foresee(script)) {
      expect(recipes.find(({ name }) => name === recipe)?.seconds, recipe).toBeGreaterThan(0)
      expect(starts).toBeGreaterThan(0)
    }
  })
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
    ['when emulating takes longer', { gain: 80_000, expected: 10_000, elapsed: 0 }, 80_000],
    ['less when the pack was begun before', { gain: 80_000, expected: 10_000, elapsed: 6_000 }, 74_000],
    ['not when what emulating takes is over already', { gain: 4_000, expected: 10_000, elapsed: 7_000 }, 0],
    ['not when emulating is quicker', { gain: 2_000, expected: 10_000, elapsed: 0 }, 0],
    ['not for what takes equally long', { gain: 10_000, expected: 10_000, elapsed: 0 }, 0],
    ['not once emulating would have been quicker', { gain: 15_000, expected: 10_000, elapsed: 16_000 }, 0],
    ['never for more than two minutes', { gain: 1e9, expected: 10_000, elapsed: 0 }, 120_000],
    ['not after two minutes', { gain: 1e9, expected: 10_000, elapsed: 120_000 }, 0],
    [
      'not for a pack whose making takes longer than the bound by what is expected',
      { gain: 2_000, expected: 10_000, elapsed: 60_000 },
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
