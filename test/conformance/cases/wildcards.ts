import type { Case, FileSpec } from '../support/case.ts'
import { lines } from './lines.ts'

const FILES: Readonly<Record<string, FileSpec>> = {
  a: 'a',
  'b.log': 'b',
  'd/a': 'da',
  'd/e/a': 'dea',
  'd/e/b.log': 'deb',
  'd.log/a': 'x',
  'x/d/e/f': 'f',
  link: { link: 'd' },
  'd/up': { link: '../x/d' },
}

/** The same copies out of the context and out of a stage, which BuildKit reads in two ways. */
function both(name: string, sources: readonly string[], more: Partial<Case> = {}): Case[] {
  const copies = (from: string) => sources.map((source, index) => `COPY ${from}${source} /${index}/`)
  const files = more.files ?? FILES
  return [
    { ...more, name: `wildcard-${name}`, dockerfile: lines('FROM scratch', ...copies('')), files },
    {
      ...more,
      name: `wildcard-${name}-from-stage`,
      dockerfile: lines('FROM scratch AS s', 'COPY . /', 'FROM scratch', ...copies('--from=s ')),
      files,
    },
  ]
}

/** Wildcards: what they lead through, and what a class may stand for. */
export const WILDCARDS: readonly Case[] = [
  ...both('class-for-slash', ['d[^x]a', 'd[.-0]e/a', '?[^x]a d[^x]e', 'x[^q]d[^q]e']),
  ...both('through-links', ['l*/a', 'link/*a', 'd/u*/*', 'd/up/*']),
  ...both('onto-links', ['l*', 'd/u*']),
  ...both('stars', ['**/a', 'd/**', '*/', '*/*', './*/./a', 'd/../a*']),
  ...both('dangling', ['l*'], { files: { l1: { link: 'nowhere' }, lf: 'f' }, fails: true }),
  ...both('dangling-only', ['l1*'], { files: { l1: { link: 'nowhere' }, lf: 'f' }, fails: true }),
  ...both('loop', ['l*'], { files: { l1: { link: 'l1' }, lf: 'f' }, fails: true }),
  ...both('dangling-below', ['*'], { files: { 'd/l1': { link: 'nowhere' } } }),
  ...both('class-of-star', ['[*]q'], { files: { '*q': 'star', aq: 'a' } }),
  {
    name: 'wildcard-below-a-link',
    dockerfile: lines('FROM scratch AS s', 'COPY . /', 'FROM scratch', 'COPY --from=s link/e/* /x/'),
    files: FILES,
  },
]
