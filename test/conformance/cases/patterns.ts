import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

/** Names with what patterns tell apart: ends, starts, depth, dots, brackets. */
const NAMES = ['a', 'b', '.log', 'a.log', 'xa', 'ab', 'b.log2', 'é.log', '-a']
const PATHS = [
  ...NAMES,
  ...NAMES.map((name) => `d/${name}`),
  ...NAMES.map((name) => `d/e/${name}`),
  'da/b',
  'da/log',
  'd.log/a',
  'd.log/b',
]
const FILES = Object.fromEntries(PATHS.map((path) => [path, path]))

const SUFFIXES = ['**.log', '**a', './**.log', '/**.log', '**/.log', '**e/a', '**log2', '**.LOG', '**-a']
const MIXED = ['**a*', '**a?', '**[a]', '**.l*g', '**\\.log', '**a**', '**/a**', '**/**a', '***a', '****', '**/*.log']
const INSIDE = [
  'd**',
  'd/**',
  'd**a',
  'd**.log',
  'd/**/a',
  'd/**.log',
  'd**/a',
  '*/**.log',
  '*/**a',
  'd*/**/b',
  'd/e**',
]
const CLASSES = ['[a-b]', '[^a]', '*[.]log', 'd/[^e]*', '**/[ab]', '**[^b]', '?', '*?a', '\\a', 'd/\\.log', '[\\-]a']

/** Pseudorandom patterns: the same in every run, as results are kept. */
function generated(count: number): string[] {
  const pieces = ['**', '**', '*', '?', '/', 'a', 'b', '.log', 'd', 'e', '[ab]']
  let state = 1
  const next = (limit: number): number => {
    state = (state * 48271) % 2147483647
    return state % limit
  }
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + next(5) }, () => pieces[next(pieces.length)]!).join(''),
  )
}

/** Every list of patterns has a folder of its own, in one build. */
function excluding(
  name: string,
  patterns: readonly (string | readonly string[])[],
  files: Case['files'] = FILES,
): Case {
  const flagOf = (pattern: string) => `--exclude=${pattern.replace(/[\\ '"]/g, '\\$&')}`
  const copies = patterns.map((list, index) => `COPY ${[list].flat().map(flagOf).join(' ')} . /${index}/`)
  return { name: `exclude-${name}`, dockerfile: lines('FROM scratch', ...copies), files }
}

/** Files whose names have what patterns give a meaning, for the lists that patternmatcher was asked about. */
const ODD_NAMES = [
  'a|b',
  'a{2}',
  '{2}',
  'aa',
  '^a',
  '[*]',
  '*',
  'a]',
  'x]',
  'd]',
  'a+',
  '$',
  'a b',
  '(a)',
  '1',
  'A',
  'x',
]
const ODD_FILES = Object.fromEntries(
  [...PATHS, ...ODD_NAMES, 'd/x/a', 'd/x/b', 'o/a', 'o/x', 'x.d/y', 'x.d/z', '2/1', '2/x'].map((path) => [path, path]),
)

/** Lists that patternmatcher can read and compare, of characters that BuildKit reads in flags. */
const RECORDED = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/patterns/patternmatcher.json'), 'utf8')) as {
    lists: { patterns: string[]; matched: unknown }[]
  }
).lists.flatMap(({ patterns, matched }) =>
  Array.isArray(matched) && /^[ -~]*$/.test(patterns.join('')) && patterns.every((one) => one.trim() === one)
    ? [patterns]
    : [],
)

function ignoring(name: string, patterns: readonly string[], files: Case['files'] = FILES): Case {
  return {
    name: `ignore-${name}`,
    dockerfile: lines('FROM scratch', 'COPY . /x/'),
    files: { ...files, '.dockerignore': lines(...patterns) },
  }
}

const alone = (kind: string, patterns: readonly string[]): Case[] =>
  patterns.flatMap((pattern, index) => [
    ignoring(`${kind}-${index}`, [pattern, 'Dockerfile', '.dockerignore']),
    ignoring(`${kind}-${index}-back`, ['*', `!${pattern}`]),
  ])

export const PATTERNS: readonly Case[] = [
  excluding('suffixes', SUFFIXES),
  excluding('mixed', MIXED),
  excluding('inside', INSIDE),
  excluding('classes', CLASSES),
  excluding('generated', generated(60)),
  excluding('recorded-1', RECORDED.slice(0, 90), ODD_FILES),
  excluding('recorded-2', RECORDED.slice(90, 180), ODD_FILES),
  excluding('recorded-3', RECORDED.slice(180), ODD_FILES),
  ...[
    ['**/x', '!o'],
    ['*.d', '!x.d/y', 'x.d'],
    ['*', '!d', 'd/x', '!d/x/a'],
    ['d', '!d/x', 'd'],
    ['*', '!./d/x'],
    ['[*]', 'a[*]', '\\d'],
    ['a|o*'],
    ['d[^y]x', 'o[^y]a'],
    ['!\\q', 'a'],
    ['*', '! d/'],
    ['^a', '^d*'],
  ].map((patterns, index) => ignoring(`quirk-${index}`, patterns, ODD_FILES)),
  ...[['a\\q'], ['[z-a]'], ['!/'], ['*', '!x*[z-a]'], ['d/*{2}']].map(
    (patterns, index): Case => ({ ...ignoring(`broken-${index}`, patterns, ODD_FILES), fails: true }),
  ),
  {
    name: 'exclude-variable',
    dockerfile: lines('FROM scratch', 'ARG X=a', 'COPY --exclude=$X --exclude=${X} --exclude="**lo$X" . /x/'),
    files: { ...FILES, $X: 'x', '${X}': 'y' },
  },
  {
    name: 'exclude-quoted',
    dockerfile: lines('FROM scratch', `COPY --exclude='a\\*' --exclude="d]" --exclude='a'" b" . /x/`),
    files: ODD_FILES,
  },
  ...alone('suffix', SUFFIXES.slice(0, 4)),
  ...alone('mixed', MIXED.slice(0, 2)),
  ignoring('suffix-order', ['**.log', '!d/**.log', 'd/e/**.log', '!**é.log']),
  ignoring('suffix-of-folder', ['**d.log', '!d.log/a']),
  {
    name: 'exclude-not-ascii',
    dockerfile: lines('FROM scratch', 'COPY --exclude=**é.log . /x/'),
    files: FILES,
  },
  {
    name: 'parents-suffix',
    dockerfile: lines('FROM scratch', 'COPY **.log /x/'),
    files: FILES,
  },
  ...['a\\\\', '[a', 'a[', '[]', '[a-', '**[', '!'].map(
    (pattern, index): Case => ({
      name: `exclude-malformed-${index}`,
      dockerfile: lines('FROM scratch', `COPY --exclude=${pattern} . /x/`),
      files: FILES,
      fails: true,
    }),
  ),
  ...['["a\\\\\\\\", "/x/"]', '[a /x/', 'a[ /x/', 'a\\\\ /x/'].map(
    (sources, index): Case => ({
      name: `copy-malformed-${index}`,
      dockerfile: lines('FROM scratch', `COPY ${sources}`),
      files: { a: 'a', 'a[': 'b', '[a': 'c', 'a\\': 'd' },
      fails: true,
    }),
  ),
]
