import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nameOfBytes } from '../../src/byte-name.ts'
import { filterFor } from '../../src/content/filter.ts'
import { selectSources, type SelectedSource } from '../../src/content/select.ts'
import { tempFolder } from '../support/temp-folder.ts'

const FILES = [
  'a.txt',
  'b.txt',
  '.hidden',
  'd/e',
  'd/.f',
  'd/sub/g',
  'd/sub/h.tmp',
  'x1/y',
  'x2/y',
  'x2/z',
  'odd[1]',
  'back\\slash',
]

function context(): string {
  const root = tempFolder()
  for (const path of FILES) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), path)
  }
  const links = {
    link: 'a.txt',
    folderLink: 'd',
    absolute: '/d/sub',
    out: '../../../../../etc',
    broken: 'nothing',
    loop: 'loop',
    'd/up': '../b.txt',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name))
  return root
}

/** Each source as `name` for a file, `name/: entries` for a folder. */
function selected(
  sources: readonly string[],
  { ignore = [], excludes = [] }: { ignore?: string[]; excludes?: string[] } = {},
): string[] {
  return selectSources(context(), sources, filterFor(ignore, excludes)).map(({ name, path, isDir, entries }) =>
    isDir
      ? `${name || '.'}/ at ${path || '.'}: ${entries
          .slice(1)
          .map((entry) => entry.path)
          .join(' ')}`
      : `${name} at ${path}`,
  )
}

test.each<[sources: string[], expected: string[]]>([
  [['a.txt'], ['a.txt at a.txt']],
  [['d'], ['d/ at d: .f e sub sub/g sub/h.tmp up']],
  [['d/'], ['d/ at d: .f e sub sub/g sub/h.tmp up']],
  [['*.txt'], ['a.txt at a.txt', 'b.txt at b.txt']],
  [
    ['?.txt', 'd/e'],
    ['a.txt at a.txt', 'b.txt at b.txt', 'e at d/e'],
  ],
  [['[bc].txt'], ['b.txt at b.txt']],
  [['*/y'], ['y at x1/y', 'y at x2/y']],
  [['x*'], ['x1/ at x1: y', 'x2/ at x2: y z']],
  [['d/*'], ['.f at d/.f', 'e at d/e', 'sub/ at d/sub: g h.tmp', 'up at b.txt']],
  [['.h*'], ['.hidden at .hidden']],
  [['odd\\[1\\]*'], ['odd[1] at odd[1]']],
  [['link'], ['link at a.txt']],
  [['folderLink'], ['folderLink/ at d: .f e sub sub/g sub/h.tmp up']],
  [['folderLink/e'], ['e at d/e']],
  [['absolute'], ['absolute/ at d/sub: g h.tmp']],
  // A wildcard does not lead through a link, and a class may stand for a slash
  [['folder*/sub/*.tmp'], []],
  [['folderLink/s*/*.tmp'], ['h.tmp at d/sub/h.tmp']],
  [['d[^x]sub[.-0]h.tmp'], ['h.tmp at d/sub/h.tmp']],
  [['../../d/sub'], ['sub/ at d/sub: g h.tmp']],
])('%j selects', (sources, expected) => {
  expect(selected(sources)).toEqual(expected)
})

test('everything, links as links, parents before children', () => {
  expect(selected(['.'])).toEqual([
    `./ at .: ${'.hidden a.txt absolute b.txt back\\slash broken d d/.f d/e d/sub d/sub/g d/sub/h.tmp d/up folderLink link loop odd[1] out x1 x1/y x2 x2/y x2/z'}`,
  ])
})

test.each([
  ['missing'],
  ['a.txt/below'],
  ['broken'],
  ['out/passwd'],
  ['d/nothing/deeper'],
  [`${'n'.repeat(300)}`],
  ['a\0b'],
])('%s is not there', (source) => {
  expect(() => selected([source])).toThrow(
    expect.objectContaining({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/^Cannot copy ".*": no such file or folder$/s),
    }),
  )
})

test.each([[['missing*']], [['missing*', 'd/?.none']], [['odd[1]']]])(
  '%j matches nothing, which is fine for a wildcard',
  (sources) => {
    expect(selected(sources)).toEqual([])
  },
)

test('a circle of links is said to be one', () => {
  expect(() => selected(['loop'])).toThrow(/too many symbolic links/)
})

test.each<[sources: string[], ignore: string[], expected: string[]]>([
  [['.'], ['*', '!d', 'd/sub'], ['./ at .: d d/.f d/e d/up']],
  [['.'], ['*', '!d/sub/g'], ['./ at .: d d/sub d/sub/g']],
  [['d'], ['d/*', '!d/sub'], ['d/ at d: sub sub/g sub/h.tmp']],
  [['d'], ['**/*.tmp', '**/.*'], ['d/ at d: e sub sub/g up']],
  [['*.txt'], ['a.txt'], ['b.txt at b.txt']],
  [['*'], ['*', '!b.txt'], ['b.txt at b.txt']],
])('%j with %j ignored selects', (sources, ignore, expected) => {
  expect(selected(sources, { ignore })).toEqual(expected)
})

test('--exclude leaves out beside what .dockerignore does', () => {
  expect(selected(['d'], { ignore: ['**/.f'], excludes: ['**/*.tmp'] })).toEqual(['d/ at d: e sub sub/g up'])
})

test.each<[sources: string[], excludes: string[], expected: string[]]>([
  [['d'], ['sub', 'up'], ['d/ at d: .f e']],
  [['d'], ['d/e', 'sub/g'], ['d/ at d: .f e sub sub/h.tmp up']],
  [['.'], ['*', '!d/sub'], ['./ at .: d d/sub d/sub/g d/sub/h.tmp']],
  [['x*'], ['y', 'x1'], ['x1/ at x1: ', 'x2/ at x2: z']],
  [
    ['a.txt', 'd/e'],
    ['*.txt', '**/e'],
    ['a.txt at a.txt', 'e at d/e'],
  ],
])(
  '%j --exclude %j: its paths start at the copied folder, and what is named itself stays',
  (sources, excludes, expected) => {
    expect(selected(sources, { excludes })).toEqual(expected)
  },
)

test.each<[source: string, expected: string[]]>([
  ['././d/sub/g', ['./ at .: d d/sub d/sub/g']],
  ['d/./sub', ['d/ at d: sub sub/g sub/h.tmp']],
  ['d/sub/./h.tmp', ['sub/ at d/sub: h.tmp']],
  ['././**/y', ['./ at .: x1 x1/y x2 x2/y']],
  ['x*/./z', ['x1/ at x1: ', 'x2/ at x2: z']],
  ['././*.none', ['./ at .: ']],
  ['folderLink/./s*/g', ['folderLink/ at d: sub sub/g']],
  ['././folderLink', ['./ at .: folderLink']],
  ['d/./.', ['d/ at d: .f e sub sub/g sub/h.tmp up']],
])('%s selects a folder, and in it what the pattern after the pivot matches', (source, expected) => {
  expect(selected([source])).toEqual(expected)
})

test('folders that come for the sake of what is in them are marked', () => {
  const [{ entries }] = selectSources(context(), ['././d/sub/g'], filterFor([], [])) as [SelectedSource]
  expect(entries.map(({ path, onTheWay }) => [path, onTheWay])).toEqual([
    ['', undefined],
    ['d', true],
    ['d/sub', true],
    ['d/sub/g', undefined],
  ])
})

test.each([
  ['././missing', 'no such file or folder'],
  ['d/./sub/missing', 'no such file or folder'],
  ['missing/./a', 'no such file or folder'],
  ['././folderLink/e', '--parents does not go through symbolic links'],
])('%s cannot be copied: %s', (source, state) => {
  expect(() => selected([source])).toThrow(
    expect.objectContaining({ code: 'NOT_FOUND', message: expect.stringContaining(`: ${state}`) }),
  )
})

test.each([[['a.txt']], [['d/e']], [['d/sub']]])('%j that is ignored is said to be excluded', (sources) => {
  expect(() => selected(sources, { ignore: ['a.txt', 'd'] })).toThrow(
    expect.objectContaining({ message: `Cannot copy "${sources[0]}": it is excluded by .dockerignore` }),
  )
})

test('names that are not UTF-8 are selected, also by wildcards, in folders of such names', () => {
  const root = tempFolder()
  const at = (path: string) => Buffer.from(`${root}/${path}`, 'latin1')
  mkdirSync(at('d\xff'))
  writeFileSync(at('d\xff/caf\xe9.c'), 'text')
  symlinkSync(at('caf\xe9.c').subarray(root.length + 1), at('d\xff/link'))
  const [odd, file] = [nameOfBytes(Buffer.from([0x64, 0xff])), nameOfBytes(Buffer.from('caf\xe9.c', 'latin1'))]
  expect(selectSources(root, ['.'])[0]!.entries.map(({ path }) => path)).toEqual([
    ...['', odd, `${odd}/${file}`, `${odd}/link`],
  ])
  expect(selectSources(root, ['d?/*.c']).map(({ path }) => path)).toEqual([`${odd}/${file}`])
  expect(selectSources(root, ['d*/link'])).toMatchObject([{ name: 'link', path: `${odd}/${file}` }])
})

test('a folder that is exchanged for a link while the context is read is not read where the link leads', () => {
  const [root, outside] = [tempFolder(), tempFolder()]
  mkdirSync(join(root, 'd/e'), { recursive: true })
  mkdirSync(join(outside, 'e'))
  for (const path of ['own', 'e/own']) writeFileSync(join(root, 'd', path), '')
  for (const path of ['secret', 'e/secret']) writeFileSync(join(outside, path), '')
  const swapAt = (wanted: string) => {
    const ignored = (path: string) => {
      if (path !== wanted) return false
      renameSync(join(root, 'd'), join(root, 'moved'))
      symlinkSync(outside, join(root, 'd'))
      return false
    }
    const filter = { ignored, prune: () => false, skips: () => false }
    try {
      return selectSources(root, ['.'], filter).flatMap(({ entries }) => entries.map(({ path }) => path))
    } catch (error) {
      return [(error as Error).message]
    } finally {
      unlinkSync(join(root, 'd'))
      renameSync(join(root, 'moved'), join(root, 'd'))
    }
  }
  expect(swapAt('d')).toEqual(['', 'd'])
  expect(swapAt('d/e')).toEqual([expect.stringContaining('Cannot read the folder')])
  expect(swapAt('d/own')).toEqual([expect.stringContaining('Cannot read the folder')])
})
