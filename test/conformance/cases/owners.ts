import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

const tree = { 'd/a': 'a', 'd/b/c': { text: 'c', mode: 0o755 } }

export const OWNERS: readonly Case[] = [
  { name: 'chown-numbers', dockerfile: lines('FROM scratch', 'COPY --chown=5:6 d /x/y'), files: tree },
  { name: 'chown-uid-only', dockerfile: lines('FROM scratch', 'COPY --chown=5 d /x'), files: tree },
  { name: 'chown-names', dockerfile: lines('FROM busybox', 'COPY --chown=node:nogroup d /x'), files: tree },
  { name: 'chown-user-name-only', dockerfile: lines('FROM busybox', 'COPY --chown=node d /x'), files: tree },
  { name: 'chown-group-only', dockerfile: lines('FROM busybox', 'COPY --chown=:node d /x'), files: tree },
  {
    name: 'chown-mixed',
    dockerfile: lines('FROM busybox', 'COPY --chown=7:node d /x', 'COPY --chown=node:9 d /y'),
    files: tree,
  },
  {
    name: 'chown-unknown-user',
    dockerfile: lines(
      'FROM busybox',
      'COPY --chown=who d /x',
      'COPY --chown=who:node d /y',
      'COPY --chown=node:who d /z',
    ),
    files: tree,
  },
  {
    name: 'chown-name-on-scratch',
    dockerfile: lines('FROM scratch', 'COPY --chown=node d /x'),
    files: tree,
    fails: true,
  },
  {
    name: 'chown-name-without-passwd',
    dockerfile: lines('FROM scratch', 'COPY d/a /', 'COPY --chown=node d /x'),
    files: tree,
  },
  { name: 'chown-number-known-in-passwd', dockerfile: lines('FROM busybox', 'COPY --chown=65534 d /x'), files: tree },
  {
    name: 'chown-variable',
    dockerfile: lines('FROM scratch', 'ARG ID=42', 'COPY --chown=$ID:${ID}0 d /x'),
    files: tree,
  },
  { name: 'chown-large-ids', dockerfile: lines('FROM scratch', 'COPY --chown=2097152:3000000 d /x'), files: tree },
  {
    name: 'chown-existing-parents',
    dockerfile: lines('FROM busybox', 'COPY --chown=7:8 d/a /etc/new/a', 'COPY --chown=7:8 d/a /home/node/'),
    files: tree,
  },
  { name: 'user-does-not-own-copies', dockerfile: lines('FROM busybox', 'USER node', 'COPY d /x'), files: tree },
  {
    name: 'chmod-octal',
    dockerfile: lines('FROM scratch', 'COPY --chmod=640 d /x', 'COPY --chmod=4755 d/a /y/z'),
    files: tree,
  },
  { name: 'chmod-single-file', dockerfile: lines('FROM scratch', 'COPY --chmod=0400 d/a /x/y/a'), files: tree },
  {
    name: 'chmod-three-and-four-digits',
    dockerfile: lines('FROM scratch', 'COPY --chmod=1777 d /a', 'COPY --chmod=07 d /b', 'COPY --chmod=0 d /c'),
    files: tree,
  },
  {
    name: 'chmod-symbolic',
    dockerfile: lines(
      'FROM scratch',
      'COPY --chmod=u=rwX,go=rX d /a',
      'COPY --chmod=a+x d /b',
      'COPY --chmod=go-r d /c',
      'COPY --chmod=+s d /d',
      'COPY --chmod=u=g d /e',
    ),
    files: tree,
  },
  {
    name: 'chmod-symbolic-copies-bits',
    dockerfile: lines(
      'FROM scratch',
      'COPY --chmod=g=u d /a',
      'COPY --chmod=o=g,u+x d /b',
      'COPY --chmod=ug+t,o=s d /c',
      'COPY --chmod==rw d /d',
      'COPY --chmod=u+rw-x d /e',
    ),
    files: tree,
  },
  { name: 'chmod-variable', dockerfile: lines('FROM scratch', 'ARG MODE=600', 'COPY --chmod=$MODE d /a'), files: tree },
  { name: 'chmod-bad', dockerfile: lines('FROM scratch', 'COPY --chmod=rwx d /a'), files: tree, fails: true },
  { name: 'chmod-too-large', dockerfile: lines('FROM scratch', 'COPY --chmod=10000 d /a'), files: tree, fails: true },
  {
    name: 'chmod-existing-folder',
    dockerfile: lines('FROM busybox', 'COPY --chmod=700 d /tmp', 'COPY --chmod=700 d/a /home/'),
    files: tree,
  },
  { name: 'chown-and-chmod', dockerfile: lines('FROM scratch', 'COPY --chown=1:2 --chmod=4750 d /x'), files: tree },
  { name: 'chmod-add', dockerfile: lines('FROM scratch', 'ADD --chown=1:2 --chmod=750 d /x'), files: tree },
  {
    name: 'from-stage-keeps-owners',
    dockerfile: lines(
      'FROM with-files AS s',
      'FROM scratch',
      'COPY --from=s /tree /t',
      'COPY --from=s /setgid /sticky /suid /u/',
    ),
    files: {},
  },
  {
    name: 'from-stage-file-owner',
    dockerfile: lines(
      'FROM with-files AS s',
      'FROM scratch',
      'COPY --from=s /tree/deep/b /p/q',
      'COPY --from=s /setgid /g',
      'COPY --from=s --chown=9 /tree/deep /c',
    ),
    files: {},
  },
  {
    name: 'run-chown-chmod',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -m 1777 /a && mkdir -m 2755 /b && touch /c && chmod 6755 /c && chown 1:2 /a /b && chown 3:4 /c && chmod 4755 /c',
    ),
  },
  {
    name: 'run-setuid-then-copy',
    dockerfile: lines(
      'FROM busybox AS s',
      'RUN cp /bin/busybox /su && chmod 4755 /su && chown 5:5 /tmp',
      'FROM scratch',
      'COPY --from=s /su /su',
      'COPY --from=s --chown=5:6 /su /su2',
      'COPY --from=s --chmod=2711 /su /su3',
    ),
  },
  {
    name: 'run-as-user',
    dockerfile: lines('FROM busybox', 'USER node', 'RUN echo a > ~/a && id > /tmp/id && mkdir -p /home/node/d/e'),
  },
  {
    name: 'run-as-ids',
    dockerfile: lines(
      'FROM busybox',
      'USER 77:88',
      'RUN id > /tmp/id',
      'USER node:nogroup',
      'RUN id > /tmp/id2',
      'USER 1000',
      'RUN id > /tmp/id3; echo $HOME > /tmp/home',
      'USER :5',
      'RUN id > /tmp/id4',
    ),
  },
  { name: 'run-as-unknown-user', dockerfile: lines('FROM busybox', 'USER who', 'RUN true'), fails: true },
  { name: 'run-as-unknown-group', dockerfile: lines('FROM busybox', 'USER node:who', 'RUN true'), fails: true },
]
