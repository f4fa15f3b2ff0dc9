import type { Case, TarMember } from '../support/case.ts'
import { lines } from './lines.ts'

const tar: readonly TarMember[] = [
  { path: 'top', folder: true, mode: 0o750, owner: '1:2' },
  { path: 'top/a', text: 'a', mode: 0o640, owner: '3:4' },
  { path: 'top/sub/b', text: 'b', mode: 0o4755, owner: '5:6' },
  { path: 'link', link: 'top/a' },
  { path: 'hard', hardlink: 'top/a' },
]

export const ADD: readonly Case[] = [
  { name: 'add-file', dockerfile: lines('FROM scratch', 'ADD a /x/', 'ADD a /y'), files: { a: 'a' } },
  { name: 'add-folder', dockerfile: lines('FROM scratch', 'ADD d /x'), files: { 'd/a': 'a', 'd/b/c': 'c' } },
  { name: 'add-tar', dockerfile: lines('FROM scratch', 'ADD t.tar /x/'), files: { 't.tar': { tar } } },
  { name: 'add-tar-no-slash', dockerfile: lines('FROM scratch', 'ADD t.tar /x'), files: { 't.tar': { tar } } },
  {
    name: 'add-tar-gzip',
    dockerfile: lines('FROM scratch', 'ADD t.tar.gz /x/'),
    files: { 't.tar.gz': { tar, packed: 'gzip' } },
  },
  {
    name: 'add-tar-bzip2',
    dockerfile: lines('FROM scratch', 'ADD t.tar.bz2 /x/'),
    files: { 't.tar.bz2': { tar, packed: 'bzip2' } },
  },
  {
    name: 'add-tar-xz',
    dockerfile: lines('FROM scratch', 'ADD t.tar.xz /x/'),
    files: { 't.tar.xz': { tar, packed: 'xz' } },
  },
  {
    name: 'add-tar-wrong-name',
    dockerfile: lines('FROM scratch', 'ADD picture.png /x/'),
    files: { 'picture.png': { tar, packed: 'gzip' } },
  },
  { name: 'add-not-a-tar', dockerfile: lines('FROM scratch', 'ADD t.tar /x/'), files: { 't.tar': 'just text' } },
  { name: 'add-empty-tar-name', dockerfile: lines('FROM scratch', 'ADD t.tar /x/'), files: { 't.tar': '' } },
  {
    name: 'add-tar-chown',
    dockerfile: lines('FROM scratch', 'ADD --chown=7:8 t.tar /x/'),
    files: { 't.tar': { tar } },
  },
  {
    name: 'add-tar-chmod',
    dockerfile: lines('FROM scratch', 'ADD --chmod=600 t.tar /x/'),
    files: { 't.tar': { tar } },
  },
  {
    name: 'add-tar-no-unpack',
    dockerfile: lines('FROM scratch', 'ADD --unpack=false t.tar /x/'),
    files: { 't.tar': { tar } },
  },
  { name: 'add-tar-unpack', dockerfile: lines('FROM scratch', 'ADD --unpack t.tar /x/'), files: { 't.tar': { tar } } },
  {
    name: 'add-tars-and-file',
    dockerfile: lines('FROM scratch', 'ADD t.tar u.tar f /x/'),
    files: { 't.tar': { tar }, 'u.tar': { tar: [{ path: 'u', text: 'u', owner: '9:9' }] }, f: 'f' },
  },
  {
    name: 'add-tar-wildcard',
    dockerfile: lines('FROM scratch', 'ADD *.tar /x/'),
    files: { 't.tar': { tar }, 'u.tar': { tar: [{ path: 'u', text: 'u' }] } },
  },
  { name: 'add-tar-inside-folder', dockerfile: lines('FROM scratch', 'ADD d /x/'), files: { 'd/t.tar': { tar } } },
  {
    name: 'add-tar-over-existing',
    dockerfile: lines('FROM with-files', 'ADD t.tar /tree/'),
    files: {
      't.tar': {
        tar: [
          { path: 'a', text: 'new', owner: '1:1' },
          { path: 'deep', folder: true, mode: 0o711, owner: '8:8' },
          { path: 'deep/er/c', text: 'c2' },
        ],
      },
    },
  },
  {
    name: 'add-tar-file-over-link',
    dockerfile: lines('FROM with-files', 'ADD t.tar /tree/'),
    files: { 't.tar': { tar: [{ path: 'link', text: 'plain' }] } },
  },
  {
    name: 'add-tar-through-link',
    dockerfile: lines('FROM with-files', 'ADD t.tar /'),
    files: { 't.tar': { tar: [{ path: 'to-folder/x', text: 'x' }] } },
  },
  {
    name: 'add-tar-destination-link',
    dockerfile: lines('FROM with-files', 'ADD t.tar /to-folder', 'ADD t.tar /to-folder/'),
    files: { 't.tar': { tar: [{ path: 'x', text: 'x' }] } },
  },
  {
    name: 'add-tar-folder-over-file',
    dockerfile: lines('FROM with-files', 'ADD t.tar /tree/'),
    files: {
      't.tar': {
        tar: [
          { path: 'a', folder: true },
          { path: 'a/b', text: 'b' },
        ],
      },
    },
  },
  {
    name: 'add-tar-file-over-folder',
    dockerfile: lines('FROM with-files', 'ADD t.tar /tree/'),
    files: { 't.tar': { tar: [{ path: 'deep', text: 'plain' }] } },
  },
  { name: 'add-tar-to-root', dockerfile: lines('FROM scratch', 'ADD t.tar /'), files: { 't.tar': { tar } } },
  {
    name: 'add-tar-existing-destination',
    dockerfile: lines('FROM busybox', 'ADD t.tar /home/node'),
    files: { 't.tar': { tar } },
  },
  {
    name: 'add-tar-onto-file',
    dockerfile: lines('FROM busybox', 'ADD t.tar /etc/passwd'),
    files: { 't.tar': { tar } },
    fails: true,
  },
  {
    name: 'add-tar-top-entry',
    dockerfile: lines('FROM scratch', 'ADD t.tar /x'),
    files: {
      't.tar': {
        tar: [
          { path: '.', folder: true, mode: 0o700, owner: '4:5' },
          { path: './a', text: 'a' },
        ],
      },
    },
  },
  {
    name: 'add-tar-capability',
    dockerfile: lines(
      'FROM busybox',
      'ADD cap.tar /',
      'ADD --chown=3:4 cap.tar /owned/',
      'RUN chmod 700 /cap && cp -p /owned/cap /copy',
      'RUN chown 5:6 /owned/cap',
    ),
    files: { 'cap.tar': { tar: [{ path: 'cap', text: 'program', mode: 0o755, capability: true }] } },
  },
  {
    name: 'add-tar-with-devices-names',
    dockerfile: lines('FROM scratch', 'ADD t.tar /x/'),
    files: {
      't.tar': {
        tar: [
          { path: './a/./b', text: 'b' },
          { path: 'a/c', link: '/etc/passwd' },
          { path: 'a/d', link: '../../../up' },
        ],
      },
    },
  },
  { name: 'copy-tar-is-a-file', dockerfile: lines('FROM scratch', 'COPY t.tar /x/'), files: { 't.tar': { tar } } },
  {
    name: 'add-from-is-refused',
    dockerfile: lines('FROM busybox AS s', 'FROM scratch', 'ADD --from=s /etc /x'),
    fails: true,
  },
]
