import type { Case } from '../support/case.ts'
import type { RawMember } from '../support/raw-tar.ts'
import { lines } from './lines.ts'

const file = (path: string, more: Partial<RawMember> = {}): RawMember => ({ path, text: path, ...more })
const folder = (path: string): RawMember => ({ path, type: 'folder', mode: 0o755 })
const link = (path: string, target: string): RawMember => ({ path, type: 'symlink', target, mode: 0o777 })
const hard = (path: string, target: string, more: Partial<RawMember> = {}): RawMember => ({
  path,
  type: 'hardlink',
  target,
  ...more,
})

function add(name: string, members: readonly RawMember[], more: Partial<Case> = {}): Case {
  return {
    name: `archive-${name}`,
    dockerfile: lines('FROM scratch', 'ADD a.tar /dest/'),
    files: { 'a.tar': { rawTar: members } },
    ...more,
  }
}

export const ARCHIVES: readonly Case[] = [
  add('link-up', [link('l', '..')]),
  add('through-link-up', [link('l', '..'), file('l/x')], { fails: true }),
  add('through-link-up-deeper', [link('l', '..'), file('l/etc/x')], { fails: true }),
  add('folder-through-link-up', [link('l', '..'), folder('l/etc')], { fails: true }),
  add('through-link-up-twice', [folder('d'), link('d/l', '../..'), file('d/l/x')], { fails: true }),
  add('through-links-up-together', [folder('d'), link('d/l', '..'), link('m', 'd/l/..'), file('m/x')], { fails: true }),
  add('hard-link-through-link-up', [file('f'), link('l', '..'), hard('h', 'l/f')], { fails: true }),
  add('through-link-beside', [folder('d'), folder('e'), link('d/l', '../e'), file('d/l/x')]),
  add('through-absolute-link', [folder('etc'), link('l', '/etc'), file('l/x')]),
  add('through-absolute-link-to-nothing', [link('l', '/etc/deep'), file('l/x')]),
  add('through-absolute-link-up', [folder('etc'), link('l', '/../etc'), file('l/x')]),
  add('hard-link-through-absolute-link', [folder('etc'), file('etc/f'), link('l', '/etc'), hard('h', 'l/f')]),
  add('hard-link-to-absolute-name', [file('f'), hard('h', '/f')]),
  add('hard-link-of-another-mode', [file('f', { owner: [1, 2] }), hard('h', 'f', { mode: 0o4755, owner: [3, 4] })]),
  add('hard-link-to-link', [file('f'), link('l', 'f'), hard('h', 'l', { owner: [5, 6], mode: 0o600 })]),
  add('hard-link-to-pipe', [{ path: 'p', type: 'fifo', mode: 0o600 }, hard('h', 'p', { mode: 0o640, owner: [7, 8] })]),
  add('hard-link-with-chown', [file('f'), hard('h', 'f', { mode: 0o700, owner: [3, 4] })], {
    dockerfile: lines('FROM scratch', 'ADD --chown=9:10 a.tar /dest/'),
  }),
  add('empty-name-first', [file('', { text: '' }), file('y')]),
  add('empty-folder-name-first', [{ path: '', type: 'folder', mode: 0o700 }, file('y')]),
  add('dot-first', [{ path: './', type: 'folder', mode: 0o700 }, file('y')]),
  add('empty-name-only', [file('', { text: '' })]),
  add('through-link-of-image', [file('l/x')], {
    dockerfile: lines('FROM busybox', 'RUN mkdir /dest && ln -s /data /dest/l', 'ADD a.tar /dest/'),
  }),
  add('onto-link-of-image', [file('to-folder/x'), file('dangling/y')], {
    dockerfile: lines('FROM with-files', 'ADD a.tar /'),
  }),
  add('links-in-a-row', [link('a', 'b'), link('b', '/c'), file('a/y')]),
  add('link-to-itself', [link('a', 'a'), file('a/y')], { fails: true }),
  add('file-with-slash', [file('a/'), file('y')]),
  add('below-a-file', [file('a'), file('a/y')], { fails: true }),
  add('folder-over-file', [file('a'), folder('a')]),
  add('file-over-folder', [folder('a'), file('a')]),
  add('file-over-full-folder', [file('a/b'), file('a', { text: 'f' })]),
  add('hard-link-to-nothing', [hard('h', 'nope')], { fails: true }),
  add('hard-link-out', [hard('h', '../etc/passwd')], { fails: true }),
  add('same-name-twice', [file('a'), file('a', { text: 'second' })]),
  add('empty-link-name-first', [link('', 'x'), file('y')]),
  add('owner-of-link', [{ ...link('l', 'x'), owner: [4, 5] }]),
  add('through-link-of-image-up', [file('l/f')], {
    dockerfile: lines('FROM busybox', 'RUN mkdir -p /dest && ln -s .. /dest/l', 'ADD a.tar /dest/'),
    fails: true,
  }),
]
