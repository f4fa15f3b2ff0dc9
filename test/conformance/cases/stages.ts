import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const STAGES: readonly Case[] = [
  {
    name: 'stage-copy-by-name',
    dockerfile: lines('FROM busybox AS build', 'RUN echo a > /a', 'FROM scratch', 'COPY --from=build /a /b'),
  },
  {
    name: 'stage-copy-by-index',
    dockerfile: lines('FROM busybox', 'RUN echo a > /a', 'FROM scratch', 'COPY --from=0 /a /b'),
  },
  {
    name: 'stage-copy-name-case',
    dockerfile: lines('FROM busybox AS Build', 'FROM scratch', 'COPY --from=BUILD /etc/passwd /p'),
  },
  { name: 'stage-copy-from-image', dockerfile: lines('FROM scratch', 'COPY --from=busybox /etc/passwd /p') },
  {
    name: 'stage-copy-from-image-upper',
    dockerfile: lines('FROM scratch', 'COPY --from=BusyBox /etc/passwd /p'),
    fails: true,
  },
  {
    name: 'stage-copy-from-later',
    dockerfile: lines('FROM scratch', 'COPY --from=later /a /a', 'FROM busybox AS later'),
    fails: true,
    args: ['--target', 'none-of-it'],
  },
  {
    name: 'stage-copy-from-itself',
    dockerfile: lines('FROM busybox AS me', 'COPY --from=me /etc/passwd /p'),
    fails: true,
  },
  {
    name: 'stage-copy-index-too-large',
    dockerfile: lines('FROM busybox', 'COPY --from=5 /etc/passwd /p'),
    fails: true,
  },
  {
    name: 'stage-from-stage',
    dockerfile: lines(
      'FROM busybox AS a',
      'ENV A=1',
      'WORKDIR /w',
      'LABEL l=1',
      'FROM a AS b',
      'ENV B=$A',
      'RUN pwd > p',
      'FROM b',
      'COPY f .',
    ),
    files: { f: 'f' },
  },
  { name: 'stage-unused-fails', dockerfile: lines('FROM busybox AS bad', 'RUN exit 1', 'FROM busybox', 'LABEL a=b') },
  {
    name: 'stage-same-name',
    dockerfile: lines(
      'FROM busybox AS a',
      'RUN echo 1 > /f',
      'FROM busybox AS a',
      'RUN echo 2 > /f',
      'FROM scratch',
      'COPY --from=a /f /',
    ),
  },
  {
    name: 'stage-diamond',
    dockerfile: lines(
      'FROM busybox AS base',
      'RUN echo base > /base',
      'FROM base AS l',
      'RUN echo l > /l',
      'FROM base AS r',
      'RUN echo r > /r',
      'FROM scratch',
      'COPY --from=l /base /l /x/',
      'COPY --from=r /r /x/',
    ),
  },
  {
    name: 'stage-from-scratch-stage',
    dockerfile: lines('FROM scratch AS files', 'COPY d /d', 'FROM busybox', 'COPY --from=files / /all'),
    files: { 'd/a': 'a' },
  },
  {
    name: 'stage-copy-whole',
    dockerfile: lines('FROM busybox AS a', 'RUN rm -r /bin/ls && chmod 700 /etc', 'FROM scratch', 'COPY --from=a / /'),
  },
  { name: 'stage-copy-whole-twice', dockerfile: lines('FROM busybox AS a', 'FROM with-files', 'COPY --from=a / /') },
  {
    name: 'stage-copy-folder',
    dockerfile: lines(
      'FROM with-files AS a',
      'FROM scratch',
      'COPY --from=a /tree /x',
      'COPY --from=a /tree/ /y/',
      'COPY --from=a /tree/deep /empty /z/',
    ),
  },
  {
    name: 'stage-copy-wildcards',
    dockerfile: lines(
      'FROM with-files AS a',
      'FROM scratch',
      'COPY --from=a /tree/* /x/',
      'COPY --from=a /t*/deep/?r /y/',
    ),
  },
  {
    name: 'stage-copy-links',
    dockerfile: lines(
      'FROM with-files AS a',
      'RUN echo t > /target/file',
      'FROM scratch',
      'COPY --from=a /tree/link /x',
      'COPY --from=a /to-folder /y',
      'COPY --from=a /to-file /z',
      'COPY --from=a /to-folder/file /w',
    ),
  },
  {
    name: 'stage-copy-missing',
    dockerfile: lines('FROM busybox AS a', 'FROM scratch', 'COPY --from=a /nope /'),
    fails: true,
  },
  {
    name: 'stage-copy-relative-source',
    dockerfile: lines(
      'FROM busybox AS a',
      'WORKDIR /etc',
      'FROM scratch',
      'COPY --from=a etc/passwd p',
      'COPY --from=a ../etc/group g',
    ),
  },
  {
    name: 'stage-copy-to-workdir',
    dockerfile: lines(
      'FROM with-files AS a',
      'FROM busybox',
      'WORKDIR /w',
      'COPY --from=a /tree ./t',
      'COPY --from=a /tree .',
    ),
  },
  {
    name: 'stage-copy-mtime',
    dockerfile: lines('FROM busybox AS a', 'COPY d /d', 'FROM scratch', 'COPY --from=a /d /e'),
    files: { 'd/a': 'a', 'd/b/c': 'c' },
  },
  {
    name: 'stage-copy-xattr',
    dockerfile: lines(
      'FROM busybox AS a',
      'COPY . /',
      'RUN cp /bin/busybox /cap',
      'FROM scratch',
      'COPY --from=a /cap /',
    ),
    files: { x: 'x' },
  },
  {
    name: 'stage-copy-special-files',
    dockerfile: lines(
      'FROM busybox AS a',
      'RUN mkdir /s && mkfifo /s/fifo && mknod /s/null c 1 3 && touch /s/f',
      'FROM scratch',
      'COPY --from=a /s /s',
    ),
  },
  {
    name: 'stage-platform-build',
    dockerfile: lines(
      'FROM --platform=$BUILDPLATFORM busybox AS b',
      'RUN echo x > /x',
      'FROM busybox',
      'COPY --from=b /x /x',
    ),
  },
  { name: 'stage-numeric-looking-name', dockerfile: lines('FROM busybox AS 1x', 'FROM busybox'), fails: true },
  { name: 'stage-name-characters', dockerfile: lines('FROM busybox AS a.b_c-1', 'FROM a.b_c-1') },
  {
    name: 'stage-scratch-name',
    dockerfile: lines('FROM busybox AS deps', 'RUN echo 1 > /1', 'FROM scratch AS out', 'COPY --from=deps /1 /'),
  },
  {
    name: 'stage-whiteouts-in-copied-stage',
    dockerfile: lines(
      'FROM with-files AS a',
      'RUN rm /tree/a && rm -r /tree/deep',
      'FROM scratch',
      'COPY --from=a /tree /t',
    ),
  },
  {
    name: 'stage-copy-capability',
    dockerfile: lines(
      'FROM scratch AS s',
      'ADD cap.tar /',
      'FROM busybox',
      'COPY --from=s /cap /one',
      'COPY --from=s --chown=5 /cap /two',
      'COPY --from=s --chmod=700 / /all/',
    ),
    files: { 'cap.tar': { tar: [{ path: 'cap', text: 'program', mode: 0o755, capability: true }] } },
  },
  {
    name: 'stage-copy-then-change',
    dockerfile: lines(
      'FROM with-files AS a',
      'FROM a',
      'COPY --from=a /tree/a /tree/copy',
      'RUN echo x >> /tree/a',
      'COPY --from=a /tree/a /tree/a',
    ),
  },
  {
    name: 'stage-copy-from-parent-stage',
    dockerfile: lines(
      'FROM busybox AS a',
      'RUN echo 1 > /1',
      'FROM a AS b',
      'RUN rm /1',
      'FROM b',
      'COPY --from=a /1 /back',
    ),
  },
  {
    name: 'stage-copy-folder-over-link',
    dockerfile: lines(
      'FROM with-files AS a',
      'FROM busybox',
      'RUN mkdir /real && ln -s real /t',
      'COPY --from=a /tree /t',
    ),
  },
  {
    name: 'stage-copy-root-owner',
    dockerfile: lines(
      'FROM busybox AS a',
      'RUN mkdir /d && chown 5:6 /d && chmod 700 /d && touch /d/f',
      'FROM busybox',
      'COPY --from=a /d /x',
      'COPY --from=a /d/ /y/',
      'COPY --from=a --chown=1:1 /d /z',
    ),
  },
  {
    name: 'stage-unnamed-by-number-after-named',
    dockerfile: lines(
      'FROM busybox AS a',
      'RUN echo a > /a',
      'FROM busybox',
      'RUN echo b > /b',
      'FROM scratch',
      'COPY --from=0 /a /',
      'COPY --from=1 /b /',
    ),
  },
  { name: 'stage-base-twice', dockerfile: lines('FROM busybox', 'RUN echo a > /a', 'FROM busybox', 'LABEL x=y') },
  {
    name: 'stage-history-of-parents',
    dockerfile: lines(
      'FROM busybox AS a',
      'ARG X=1',
      'ENV A=1',
      'RUN echo $X > /x',
      'FROM a AS b',
      'ARG Y=2',
      'RUN echo $Y > /y',
      'FROM b',
      'ARG X',
      'LABEL l=$X',
      'RUN true',
    ),
  },
  {
    name: 'stage-copy-exclude',
    dockerfile: lines(
      'FROM with-files AS a',
      'FROM scratch',
      'COPY --from=a --exclude=deep/er --exclude=hard /tree /t',
    ),
  },
]
