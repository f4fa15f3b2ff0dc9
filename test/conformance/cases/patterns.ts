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

/** Every pattern has a stage of its own, in one build. */
function excluding(name: string, patterns: readonly string[]): Case {
  const copies = patterns.map(
    (pattern, index) => `COPY ${JSON.stringify([`--exclude=${pattern}`]).slice(2, -2)} . /${index}/`,
  )
  return { name: `exclude-${name}`, dockerfile: lines('FROM scratch', ...copies), files: FILES }
}

function ignoring(name: string, patterns: readonly string[]): Case {
  return {
    name: `ignore-${name}`,
    dockerfile: lines('FROM scratch', 'COPY . /x/'),
    files: { ...FILES, '.dockerignore': lines(...patterns) },
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
  ...alone('suffix', SUFFIXES.slice(0, 4)),
  ...alone('mixed', MIXED.slice(0, 2)),
  ignoring('suffix-order', ['**.log', '!d/**.log', 'd/e/**.log', '!**é.log']),
  ignoring('suffix-of-folder', ['**d.log', '!d.log/a']),
  {
    name: 'exclude-not-ascii',
    dockerfile: lines('FROM scratch', 'COPY --exclude=**é.log [aé]*.log é.log /x/'),
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
