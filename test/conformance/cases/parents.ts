import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

const tree = {
  'd/a': 'a',
  'd/b/c': 'c',
  'd/b/x.md': 'x',
  'd/b/e/c': 'deep',
  'd/b/.hidden': 'h',
  'o/c': 'other',
  c: 'top',
  'r.md': 'r',
}
const modes = {
  ...tree,
  d: { folder: true, mode: 0o750 },
  'd/b': { folder: true, mode: 0o2711 },
  'd/b/e': { folder: true, mode: 0o700 },
  'd/b/c': { text: 'c', mode: 0o600 },
} as const
const linked = {
  'd/b/c': 'c',
  l: { link: 'd' },
  'd/m': { link: 'b' },
  'd/n': { link: 'b/c' },
  'd/gone': { link: 'nothing' },
} as const

/** `COPY --parents`: what is on the way from the root, or from the pivot `/./`, comes along. */
export const PARENTS: readonly Case[] = [
  { name: 'parents-file', dockerfile: lines('FROM scratch', 'COPY --parents d/b/c /x'), files: tree },
  { name: 'parents-file-slash', dockerfile: lines('FROM scratch', 'COPY --parents d/b/c c /x/y/'), files: tree },
  { name: 'parents-folder', dockerfile: lines('FROM scratch', 'COPY --parents d/b /x/'), files: tree },
  { name: 'parents-folder-with-slash', dockerfile: lines('FROM scratch', 'COPY --parents ./d/b/ o/ /x/'), files: tree },
  { name: 'parents-several', dockerfile: lines('FROM scratch', 'COPY --parents d/a d/b/c o /x/'), files: tree },
  {
    name: 'parents-into-existing',
    dockerfile: lines('FROM scratch', 'COPY --chown=3:4 --chmod=711 o/c /x/d/q', 'COPY --parents d/b/c /x/'),
    files: modes,
  },
  { name: 'parents-modes', dockerfile: lines('FROM scratch', 'COPY --parents d/b/c d/b/e/c /x/'), files: modes },
  { name: 'parents-pivot', dockerfile: lines('FROM scratch', 'COPY --parents d/./b/c /x/'), files: modes },
  {
    name: 'parents-pivot-first',
    dockerfile: lines('FROM scratch', 'COPY --parents ./d/b/c /x/', 'COPY --parents /./d/b/c /y/'),
    files: tree,
  },
  { name: 'parents-pivot-last', dockerfile: lines('FROM scratch', 'COPY --parents d/b/./c /x/'), files: tree },
  { name: 'parents-pivot-twice', dockerfile: lines('FROM scratch', 'COPY --parents d/./b/./c /x/'), files: tree },
  {
    name: 'parents-pivot-dots',
    dockerfile: lines('FROM scratch', 'COPY --parents d/b/../b/./../b/e/c /x/'),
    files: tree,
    fails: true,
  },
  {
    name: 'parents-pivot-wildcard-before',
    dockerfile: lines('FROM scratch', 'COPY --parents d*/./b/c /x/'),
    files: { ...tree, 'd2/b/c': '2' },
  },
  { name: 'parents-wildcard', dockerfile: lines('FROM scratch', 'COPY --parents d/*/c /x/'), files: tree },
  { name: 'parents-wildcard-folders', dockerfile: lines('FROM scratch', 'COPY --parents */b /x/'), files: tree },
  { name: 'parents-wildcard-top', dockerfile: lines('FROM scratch', 'COPY --parents *.md /x/'), files: tree },
  { name: 'parents-double-star', dockerfile: lines('FROM scratch', 'COPY --parents **/c /x/'), files: modes },
  { name: 'parents-double-star-inside', dockerfile: lines('FROM scratch', 'COPY --parents d/**/c /x/'), files: tree },
  {
    name: 'parents-double-star-extension',
    dockerfile: lines('FROM scratch', 'COPY --parents ./d/./**/*.md /x/'),
    files: tree,
  },
  { name: 'parents-double-star-last', dockerfile: lines('FROM scratch', 'COPY --parents d/** /x/'), files: tree },
  {
    name: 'parents-double-star-empty-folders',
    dockerfile: lines('FROM scratch', 'COPY --parents **/*.none d/** /x/'),
    files: { 'd/e': { folder: true }, 'd/f/g': 'g', 'h/i': { folder: true } },
  },
  {
    name: 'parents-nothing-matches',
    dockerfile: lines('FROM scratch', 'COPY --parents *.none /x/', 'COPY c /'),
    files: tree,
  },
  {
    name: 'parents-nothing-matches-below',
    dockerfile: lines('FROM scratch', 'COPY --parents d/**/*.none c /x/'),
    files: tree,
  },
  { name: 'parents-missing', dockerfile: lines('FROM scratch', 'COPY --parents d/none /x/'), files: tree, fails: true },
  {
    name: 'parents-missing-pivot',
    dockerfile: lines('FROM scratch', 'COPY --parents none/./a /x/'),
    files: tree,
    fails: true,
  },
  {
    name: 'parents-missing-after-pivot',
    dockerfile: lines('FROM scratch', 'COPY --parents d/./none /x/'),
    files: tree,
    fails: true,
  },
  { name: 'parents-absolute', dockerfile: lines('FROM scratch', 'COPY --parents /d/b/c /x/'), files: tree },
  { name: 'parents-up-and-out', dockerfile: lines('FROM scratch', 'COPY --parents ../../d/b/c /x/'), files: tree },
  {
    name: 'parents-exclude',
    dockerfile: lines('FROM scratch', 'COPY --parents --exclude=**/x.md --exclude=d/b/e d/b r.md /x/'),
    files: tree,
  },
  {
    name: 'parents-exclude-pivot',
    dockerfile: lines('FROM scratch', 'COPY --parents --exclude=b/e d/./b /x/'),
    files: tree,
  },
  {
    name: 'parents-exclude-brings-back',
    dockerfile: lines('FROM scratch', 'COPY --parents --exclude=d/b --exclude=!d/b/c d /x/'),
    files: tree,
  },
  {
    name: 'parents-ignored',
    dockerfile: lines('FROM scratch', 'COPY --parents **/c d/b /x/'),
    files: { ...tree, '.dockerignore': 'd/b/e\n*.md\n' },
  },
  {
    name: 'parents-chown-chmod',
    dockerfile: lines('FROM scratch', 'COPY --parents --chown=7:8 --chmod=640 d/b/c /x/y/'),
    files: tree,
  },
  {
    name: 'parents-chmod-symbolic',
    dockerfile: lines('FROM scratch', 'COPY --parents --chmod=go=rX d/b/c /x/y/'),
    files: modes,
  },
  {
    name: 'parents-link-flag',
    dockerfile: lines('FROM scratch', 'COPY o /etc/x/d', 'COPY --link --parents d/b/c /etc/x/'),
    files: tree,
  },
  {
    name: 'parents-from-stage',
    dockerfile: lines(
      'FROM scratch AS s',
      'COPY --chown=5:6 d /t',
      'COPY --chown=7:8 o /w/v',
      'FROM scratch',
      'COPY --from=s --parents /t/b/c /x/',
      'COPY --from=s --parents t/./b /y/',
      'COPY --from=s --parents /**/c /z/',
    ),
    files: modes,
  },
  {
    name: 'parents-from-stage-chown',
    dockerfile: lines(
      'FROM scratch AS s',
      'COPY --chown=5:6 d /t/u',
      'FROM scratch',
      'COPY --from=s --chown=1:2 --parents /t/u/b/c /x/',
    ),
    files: modes,
  },
  {
    name: 'parents-relative-destination',
    dockerfile: lines('FROM scratch', 'WORKDIR /w', 'COPY --parents d/b/c .', 'COPY --parents o/c ./v'),
    files: tree,
  },
  { name: 'parents-links-inside', dockerfile: lines('FROM scratch', 'COPY --parents d /x/'), files: linked },
  { name: 'parents-link-itself', dockerfile: lines('FROM scratch', 'COPY --parents d/n d/m /x/'), files: linked },
  { name: 'parents-link-dangling', dockerfile: lines('FROM scratch', 'COPY --parents d/gone /x/'), files: linked },
  {
    name: 'parents-through-link',
    dockerfile: lines('FROM scratch', 'COPY --parents l/b/c /x/'),
    files: linked,
    fails: true,
  },
  {
    name: 'parents-through-link-wildcard',
    dockerfile: lines('FROM scratch', 'COPY --parents */b/c /x/'),
    files: linked,
  },
  {
    name: 'parents-pivot-through-link',
    dockerfile: lines('FROM scratch', 'COPY --parents l/./b/* /x/'),
    files: linked,
  },
  {
    name: 'parents-hard-links',
    dockerfile: lines('FROM scratch', 'COPY --parents d o /x/'),
    files: { 'd/a': 'a', 'o/b': { hardlink: 'd/a' } },
  },
  {
    name: 'parents-variable',
    dockerfile: lines('FROM scratch', 'ARG D=d/./b', 'COPY --parents ${D}/c /x/'),
    files: tree,
  },
  {
    name: 'parents-json',
    dockerfile: lines('FROM scratch', 'COPY --parents ["d e/f g", "/x y/"]'),
    files: { 'd e/f g': 'f' },
  },
  { name: 'parents-false', dockerfile: lines('FROM scratch', 'COPY --parents=false d/b/c /x/'), files: tree },
  {
    name: 'parents-onto-file',
    dockerfile: lines('FROM scratch', 'COPY c /x/d', 'COPY --parents d/b/c /x/'),
    files: tree,
    fails: true,
  },
  {
    name: 'parents-destination-is-file',
    dockerfile: lines('FROM scratch', 'COPY c /x', 'COPY --parents d/b/c /x'),
    files: tree,
    fails: true,
  },
  {
    name: 'parents-destination-through-link',
    dockerfile: lines('FROM scratch', 'COPY . /', 'COPY --parents d/b/c /l/'),
    files: linked,
  },
  {
    name: 'parents-onto-link-to-folder',
    dockerfile: lines('FROM scratch', 'COPY d /x', 'COPY --parents d/./b/c /x/m'),
    files: linked,
  },
  {
    name: 'parents-onto-link',
    dockerfile: lines('FROM scratch', 'COPY e /x/d', 'COPY l /x/d/b', 'COPY --parents d/b/c /x/'),
    files: { ...linked, 'e/z': 'z' },
  },
  {
    name: 'parents-onbuild',
    dockerfile: lines('FROM scratch AS s', 'ONBUILD COPY --parents d/b/c /x/', 'FROM s'),
    files: tree,
  },
  {
    name: 'parents-heredoc',
    dockerfile: lines('FROM scratch', 'COPY --parents d/b/c <<f /x/', 'text', 'f'),
    files: tree,
  },
  { name: 'parents-add', dockerfile: lines('FROM scratch', 'ADD --parents d/b/c /x/'), files: tree, fails: true },
]
