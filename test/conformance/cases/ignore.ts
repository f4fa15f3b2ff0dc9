import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

const files = { a: 'a', 'b.md': 'b', 'd/a': 'a', 'd/c.md': 'c', 'd/e/f.md': 'f', 'd/e/g': 'g', 'node_modules/x/y': 'y' }
const all = lines('FROM scratch', 'COPY . /x/')
const ignoring = (...patterns: string[]) => ({ ...files, '.dockerignore': lines(...patterns) })

export const IGNORE: readonly Case[] = [
  { name: 'ignore-names', dockerfile: all, files: ignoring('a', 'node_modules') },
  { name: 'ignore-wildcards', dockerfile: all, files: ignoring('*.md', '*/*.md') },
  { name: 'ignore-deep', dockerfile: all, files: ignoring('**/*.md') },
  { name: 'ignore-exceptions', dockerfile: all, files: ignoring('*', '!d', 'd/e', '!d/e/g') },
  { name: 'ignore-exception-order', dockerfile: all, files: ignoring('!b.md', '*.md', '!d/e/f.md', '**/f.md') },
  {
    name: 'ignore-comments-and-blanks',
    dockerfile: all,
    files: ignoring('# a', '', '  b.md  ', '/d/a', './node_modules/'),
  },
  { name: 'ignore-itself', dockerfile: all, files: ignoring('.dockerignore', 'Dockerfile') },
  { name: 'ignore-folder-contents', dockerfile: all, files: ignoring('d/**') },
  { name: 'ignore-everything-but', dockerfile: all, files: ignoring('**', '!d/e/g') },
  { name: 'ignore-source-ignored', dockerfile: lines('FROM scratch', 'COPY a /'), files: ignoring('a'), fails: true },
  {
    name: 'ignore-folder-source-ignored',
    dockerfile: lines('FROM scratch', 'COPY d /'),
    files: ignoring('d'),
    fails: true,
  },
  { name: 'ignore-wildcard-source', dockerfile: lines('FROM scratch', 'COPY *.md a /x/'), files: ignoring('b.md') },
  {
    name: 'ignore-subfolder-copied',
    dockerfile: lines('FROM scratch', 'COPY d /x'),
    files: ignoring('d/e', '**/c.md'),
  },
  {
    name: 'ignore-beside-dockerfile',
    dockerfile: all,
    files: { ...ignoring('a'), 'Dockerfile.dockerignore': 'b.md\n' },
  },
  { name: 'ignore-parent-escape', dockerfile: all, files: ignoring('../a', 'd/../b.md') },
  { name: 'ignore-crlf', dockerfile: all, files: { ...files, '.dockerignore': 'a\r\nd/e\r\n' } },
  { name: 'ignore-bad-pattern', dockerfile: all, files: ignoring('[a'), fails: true },
  {
    name: 'ignore-not-for-stages',
    dockerfile: lines('FROM with-files AS s', 'FROM scratch', 'COPY --from=s /tree /t'),
    files: ignoring('**'),
  },
  { name: 'ignore-case-and-dots', dockerfile: all, files: ignoring('A', 'D', 'b?md') },
]
