import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const LINKS: readonly Case[] = [
  {
    name: 'link-source-to-file',
    dockerfile: lines('FROM scratch', 'COPY l /x', 'COPY l /y/'),
    files: { f: 'f', l: { link: 'f' } },
  },
  {
    name: 'link-source-to-folder',
    dockerfile: lines('FROM scratch', 'COPY l /x', 'COPY l/ /y/'),
    files: { 'd/f': 'f', l: { link: 'd' } },
  },
  {
    name: 'link-in-source-path',
    dockerfile: lines('FROM scratch', 'COPY l/f /x'),
    files: { 'd/f': 'f', l: { link: 'd' } },
  },
  {
    name: 'link-inside-folder',
    dockerfile: lines('FROM scratch', 'COPY d /x'),
    files: {
      'd/f': 'f',
      'd/l': { link: 'f' },
      'd/abs': { link: '/etc/passwd' },
      'd/out': { link: '../../out' },
      'd/dangling': { link: 'none' },
    },
  },
  {
    name: 'link-to-folder-inside-folder',
    dockerfile: lines('FROM scratch', 'COPY d /x'),
    files: { 'd/e/f': 'f', 'd/l': { link: 'e' } },
  },
  {
    name: 'link-wildcard',
    dockerfile: lines('FROM scratch', 'COPY l* /x/'),
    files: { f: 'f', l1: { link: 'f' }, l2: { link: 'f' } },
  },
  {
    name: 'link-absolute-in-context',
    dockerfile: lines('FROM scratch', 'COPY l /x'),
    files: { 'd/f': 'f', l: { link: '/d/f' } },
  },
  {
    name: 'link-leaves-context',
    dockerfile: lines('FROM scratch', 'COPY l /x'),
    files: { f: 'f', l: { link: '../../../../f' } },
  },
  {
    name: 'link-dangling-source',
    dockerfile: lines('FROM scratch', 'COPY l /x'),
    files: { l: { link: 'none' } },
    fails: true,
  },
  {
    name: 'link-loop-source',
    dockerfile: lines('FROM scratch', 'COPY l /x'),
    files: { l: { link: 'm' }, m: { link: 'l' } },
    fails: true,
  },
  {
    name: 'link-destination-folder',
    dockerfile: lines('FROM with-files', 'COPY f /to-folder/', 'COPY f /to-folder/g'),
    files: { f: 'f' },
  },
  {
    name: 'link-destination-folder-no-slash',
    dockerfile: lines('FROM with-files', 'COPY f /to-folder'),
    files: { f: 'f' },
  },
  {
    name: 'link-destination-folder-gets-folder',
    dockerfile: lines('FROM with-files', 'COPY d /to-folder'),
    files: { 'd/f': 'f' },
  },
  {
    name: 'link-destination-file',
    dockerfile: lines('FROM with-files', 'RUN touch /target/file', 'COPY f /to-file'),
    files: { f: 'f' },
  },
  { name: 'link-destination-dangling', dockerfile: lines('FROM with-files', 'COPY f /dangling'), files: { f: 'f' } },
  {
    name: 'link-destination-dangling-folder',
    dockerfile: lines('FROM with-files', 'COPY f /dangling/'),
    files: { f: 'f' },
  },
  {
    name: 'link-destination-dangling-parent',
    dockerfile: lines('FROM with-files', 'COPY f /dangling/g'),
    files: { f: 'f' },
  },
  {
    name: 'link-destination-missing-target',
    dockerfile: lines('FROM with-files', 'COPY f /to-file'),
    files: { f: 'f' },
  },
  {
    name: 'link-destination-absolute',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -p /a/b && ln -s /a/b /l && ln -s ../../../a /a/up',
      'COPY f /l/',
      'COPY f /a/up/g',
    ),
    files: { f: 'f' },
  },
  { name: 'link-replaced-by-file', dockerfile: lines('FROM with-files', 'COPY d /tree'), files: { 'd/link': 'plain' } },
  {
    name: 'link-replaces-file',
    dockerfile: lines('FROM with-files', 'COPY d /tree'),
    files: { 'd/a': { link: 'deep/b' } },
  },
  {
    name: 'link-replaces-link',
    dockerfile: lines('FROM with-files', 'COPY d /tree'),
    files: { 'd/link': { link: 'hard' } },
  },
  {
    name: 'link-replaces-folder',
    dockerfile: lines('FROM with-files', 'COPY d /tree'),
    files: { 'd/deep': { link: 'a' } },
    fails: true,
  },
  {
    name: 'folder-onto-nested-link',
    dockerfile: lines('FROM with-files', 'RUN ln -s deep /tree/alias', 'COPY d /tree'),
    files: { 'd/alias/f': 'f' },
    fails: true,
  },
  {
    name: 'hardlink-in-context',
    dockerfile: lines('FROM scratch', 'COPY d /x'),
    files: { 'd/a': 'a', 'd/b': { hardlink: 'd/a' }, 'd/e/c': { hardlink: 'd/a' } },
  },
  {
    name: 'hardlink-across-sources',
    dockerfile: lines('FROM scratch', 'COPY a b /x/'),
    files: { a: 'a', b: { hardlink: 'a' } },
  },
  {
    name: 'hardlink-from-stage',
    dockerfile: lines('FROM with-files AS s', 'FROM scratch', 'COPY --from=s /tree /t'),
    files: {},
  },
  { name: 'hardlink-broken-by-copy', dockerfile: lines('FROM with-files', 'COPY d /tree'), files: { 'd/a': 'new' } },
  {
    name: 'hardlink-made-by-run',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir /x && echo 1 > /x/a && ln /x/a /x/b && ln /x/a /x/c',
      'RUN echo 2 >> /x/b',
      'RUN rm /x/a',
    ),
  },
  {
    name: 'hardlink-to-lower-layer',
    dockerfile: lines('FROM with-files', 'RUN ln /tree/a /tree/third', 'RUN chmod 600 /tree/hard'),
  },
  {
    name: 'link-loop-destination',
    dockerfile: lines('FROM busybox', 'RUN ln -s b /a && ln -s a /b', 'COPY f /a/x'),
    files: { f: 'f' },
    fails: true,
  },
  {
    name: 'link-destination-is-loop',
    dockerfile: lines('FROM busybox', 'RUN ln -s a /a', 'COPY f /a'),
    files: { f: 'f' },
    fails: true,
  },
  {
    name: 'link-destination-to-file-gets-folder',
    dockerfile: lines('FROM busybox', 'RUN ln -s /etc/passwd /l', 'COPY d /l'),
    files: { 'd/f': 'f' },
    fails: true,
  },
  {
    name: 'link-many-hops',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir /end && ln -s end /l0 && for i in 1 2 3 4 5 6 7 8 9; do ln -s l$((i-1)) /l$i; done',
      'COPY f /l9/',
    ),
    files: { f: 'f' },
  },
  {
    name: 'link-source-hops',
    dockerfile: lines('FROM scratch', 'COPY l2 /x', 'COPY l2 /y/'),
    files: { f: 'f', l1: { link: 'f' }, l2: { link: 'l1' } },
  },
  {
    name: 'link-source-through-parent',
    dockerfile: lines('FROM scratch', 'COPY a/l /x'),
    files: { 'a/l': { link: '../b/f' }, 'b/f': 'f' },
  },
  {
    name: 'link-wildcard-to-folders',
    dockerfile: lines('FROM scratch', 'COPY l* /x/'),
    files: { 'd/f': 'f', l1: { link: 'd' }, l2: { link: 'd/f' } },
  },
  {
    name: 'link-in-chowned-destination',
    dockerfile: lines('FROM with-files', 'COPY --chown=7:8 f /to-folder/new/f'),
    files: { f: 'f' },
  },
  {
    name: 'link-workdir-then-copy',
    dockerfile: lines('FROM with-files', 'WORKDIR /to-folder', 'COPY f .', 'COPY f g/h'),
    files: { f: 'f' },
  },
  {
    name: 'link-from-stage-absolute',
    dockerfile: lines(
      'FROM busybox AS s',
      'RUN mkdir -p /a/b && echo x > /a/b/f && ln -s /a/b /l && ln -s /a/b/f /m',
      'FROM scratch',
      'COPY --from=s /l/f /1',
      'COPY --from=s /m /2',
      'COPY --from=s /l /3',
    ),
  },
  {
    name: 'link-chown',
    dockerfile: lines('FROM scratch', 'COPY --chown=7:8 d /x'),
    files: { 'd/f': 'f', 'd/l': { link: 'f' } },
  },
  {
    name: 'link-chmod',
    dockerfile: lines('FROM scratch', 'COPY --chmod=600 d /x'),
    files: { 'd/f': 'f', 'd/l': { link: 'f' } },
  },
]
