import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

const modes = ['a-x,a+X', 'a-x,u+X', 'u-x,go+X', 'a=,a+X', 'u=rwX,go=rX', 'a+x,a-x+X', 'u=g,g+X', 'a=r,u+wX']
const SHM_OPTIONS = 'grep " /dev/shm " /proc/mounts | cut -d" " -f4 | tr , "\\n" | sort > /options'
const groups = 'RUN printf "root:x:0:\\nwheel:x:10:root,node\\nadm:x:4:daemon,root\\n" >> /etc/group'

/** Texts of --chown and USER: names, numbers, a colon without a group, more colons than one. */
const OWNERS = ['1:', 'node:', ':', ':node', 'root:', 'root:root', '5:root', 'node:root', '1:2:3', '+5:+6', 'nosuch:5']
const ownersOn = (base: string, owners: readonly string[]): string =>
  lines(`FROM ${base}`, ...owners.map((owner, index) => `COPY --chown=${owner} f /${index}`))

/** Pseudorandom symbolic modes: the same in every run, as results are kept. */
function generatedModes(count: number): string[] {
  let state = 5
  const pick = <T>(list: readonly T[]): T => {
    state = (state * 48271) % 2147483647
    return list[state % list.length]!
  }
  const letters = [
    'r',
    'w',
    'x',
    'X',
    's',
    't',
    'rw',
    'rX',
    'wx',
    'rwx',
    'u',
    'g',
    'o',
    '',
    'xs',
    'st',
    'rwXst',
    'ug',
    'rg',
  ]
  const action = () => pick(['+', '-', '=']) + pick(letters)
  const clause = () =>
    pick(['', 'u', 'g', 'o', 'a', 'ug', 'go', 'uo', 'ugo']) + pick([action, () => action() + action()])()
  return Array.from({ length: count }, () => Array.from({ length: pick([1, 2, 3]) }, clause).join(','))
}

export const EDGES: readonly Case[] = [
  ...modes.map(
    (mode, index): Case => ({
      name: `chmod-clauses-${index}`,
      dockerfile: lines('FROM scratch', `COPY --chmod=${mode} . /x/`),
      files: {
        a: 'a',
        b: { text: 'b', mode: 0o755 },
        'd/c': { text: 'c', mode: 0o610 },
        'd/e': { text: 'e', mode: 0o4711 },
      },
    }),
  ),
  {
    name: 'chmod-generated',
    dockerfile: lines('FROM scratch', ...generatedModes(70).map((mode, index) => `COPY --chmod=${mode} . /${index}/`)),
    files: {
      a: 'a',
      b: { text: 'b', mode: 0o755 },
      'd/c': { text: 'c', mode: 0o610 },
      'd/e': { text: 'e', mode: 0o4711 },
      k: { folder: true, mode: 0o3755 },
    },
  },
  {
    name: 'run-links-of-links',
    dockerfile: lines('FROM busybox', 'RUN mkdir /l && cd /l && ln -s nowhere a && ln a b && ln a /z'),
  },
  {
    name: 'run-links-of-pipes',
    dockerfile: lines('FROM busybox', 'RUN mkdir /l && cd /l && mkfifo -m 640 p && ln p q && mkdir d && ln p d/r'),
  },
  {
    name: 'run-links-of-devices',
    dockerfile: lines('FROM busybox', 'RUN mkdir /l && cd /l && mknod c c 1 3 && ln c d && mknod b b 7 0 && ln b e'),
  },
  {
    name: 'run-links-removed-after',
    dockerfile: lines('FROM busybox', 'RUN mkfifo /p && ln /p /q && ln -s p /s && ln /s /t', 'RUN rm /p /s'),
  },
  { name: 'run-groups-without-user', dockerfile: lines('FROM busybox', groups, 'RUN id -G > /ids') },
  { name: 'run-groups-of-root', dockerfile: lines('FROM busybox', groups, 'USER root', 'RUN id -G > /ids') },
  { name: 'run-groups-of-zero', dockerfile: lines('FROM busybox', groups, 'USER 0', 'RUN id -G > /ids') },
  { name: 'run-groups-of-zero-group', dockerfile: lines('FROM busybox', groups, 'USER 0:0', 'RUN id -G > /ids') },
  {
    name: 'run-groups-of-group-only',
    dockerfile: lines('FROM busybox', groups, 'USER :10', 'RUN id -G > /ids; id -u >> /ids'),
  },
  {
    name: 'run-home-without-user',
    dockerfile: lines(
      'FROM busybox',
      'RUN sed -i "s#^root:.*#root:x:0:0:r:/home/r:/bin/sh#" /etc/passwd',
      'RUN echo $HOME > /home-is',
    ),
  },
  {
    name: 'run-without-passwd',
    dockerfile: lines('FROM busybox', 'RUN rm /etc/passwd /etc/group', 'RUN id -u > /ids; echo $HOME >> /ids'),
  },
  {
    name: 'run-shm',
    dockerfile: lines('FROM busybox', 'RUN grep " /dev/shm " /proc/mounts | grep -o noexec > /x; true'),
  },
  {
    name: 'run-shm-sized',
    dockerfile: lines('FROM busybox', 'RUN grep " /dev/shm " /proc/mounts | grep -o noexec > /x; true'),
    args: ['--shm-size=32m'],
  },
  {
    name: 'heredoc-with-stage',
    dockerfile: lines('FROM with-files AS s', 'FROM scratch', 'COPY --from=s /tree/a <<EOF /dest/', 'text', 'EOF'),
  },
  {
    name: 'heredoc-with-stage-owner',
    dockerfile: lines(
      'FROM with-files AS s',
      'FROM scratch',
      'COPY --from=s --chown=3:4 --chmod=600 /tree/deep/b <<one <<two /dest/',
      '1',
      'one',
      '2',
      'two',
    ),
  },
  {
    name: 'heredoc-with-stage-only',
    dockerfile: lines('FROM with-files AS s', 'FROM scratch', 'COPY --from=s <<EOF /dest/f', 'text', 'EOF'),
  },
  { name: 'run-without-command', dockerfile: lines('FROM busybox', 'RUN', 'RUN --network=none') },
  { name: 'run-empty-list', dockerfile: lines('FROM busybox', 'RUN []'), fails: true },
  {
    name: 'context-scratch',
    dockerfile: lines('FROM base', 'COPY f /x', 'ENV A=1'),
    files: { f: 'f' },
    args: ['--build-context=base=docker-image://scratch'],
  },
  {
    name: 'context-scratch-copied-from',
    dockerfile: lines('FROM scratch', 'COPY --from=base / /x/', 'COPY f /'),
    files: { f: 'f' },
    args: ['--build-context=base=docker-image://scratch'],
  },
  {
    name: 'user-unknown-on-scratch',
    dockerfile: lines('FROM scratch', 'USER nobody', 'WORKDIR /x'),
    fails: true,
  },
  { name: 'user-number-on-scratch', dockerfile: lines('FROM scratch', 'USER 5:6', 'WORKDIR /x') },
  { name: 'user-unknown-workdir', dockerfile: lines('FROM busybox', 'USER nosuch', 'WORKDIR /x') },
  {
    name: 'check-skip-with-reason',
    dockerfile: lines('# check=skip=MaintainerDeprecated // it is old', 'FROM scratch', 'MAINTAINER x', 'COPY f /'),
    files: { f: 'f' },
  },
  {
    name: 'platform-arg-default',
    dockerfile: lines(
      'ARG BUILDPLATFORM=linux/amd64',
      'FROM busybox',
      'ARG BUILDPLATFORM=x',
      'RUN echo $BUILDPLATFORM > /x',
    ),
  },
  { name: 'quote-in-single-quotes', dockerfile: lines('FROM scratch', "ENV x='a\\'b'"), fails: true },
  { name: 'owner-texts', dockerfile: ownersOn('busybox', OWNERS), files: { f: 'f' } },
  {
    name: 'owner-texts-on-scratch',
    dockerfile: ownersOn(
      'scratch',
      OWNERS.filter((owner) => !/node|nosuch|:2:/.test(owner)),
    ),
    files: { f: 'f' },
  },
  {
    name: 'owner-texts-of-user',
    dockerfile: lines(
      'FROM busybox',
      ...OWNERS.slice(0, -1).flatMap((owner, index) => [`USER ${owner}`, `WORKDIR /${index}`]),
    ),
  },
  { name: 'owner-three-parts-on-scratch', dockerfile: ownersOn('scratch', ['1:2:3']), files: { f: 'f' }, fails: true },
  {
    name: 'owner-root-of-another-number',
    dockerfile: lines(
      'FROM busybox',
      'RUN sed -i "s#^root:x:0:0#root:x:7:8#" /etc/passwd && echo "1234:x:50:60::/:/bin/sh" >> /etc/passwd',
      'COPY --chown=root f /x',
      'COPY --chown=1234 f /y',
      'COPY --chown=1234: f /z',
      'USER root',
      'WORKDIR /w',
    ),
    files: { f: 'f' },
  },
  { name: 'owner-too-large', dockerfile: ownersOn('busybox', ['2147483648']), files: { f: 'f' } },
  { name: 'user-root-on-scratch', dockerfile: lines('FROM scratch', 'USER root', 'WORKDIR /x') },
  { name: 'user-with-plus', dockerfile: lines('FROM busybox', groups, 'USER +0', 'RUN id -u > /ids; id -G >> /ids') },
  {
    name: 'run-shm-size-of-nothing',
    dockerfile: lines('FROM busybox', `RUN ${SHM_OPTIONS}`),
    args: ['--shm-size=0'],
  },
  { name: 'run-shm-options', dockerfile: lines('FROM busybox', `RUN ${SHM_OPTIONS}`) },
  { name: 'run-shm-sized-options', dockerfile: lines('FROM busybox', `RUN ${SHM_OPTIONS}`), args: ['--shm-size=1m'] },
  ...Object.entries({
    'reason-and-more': ['# check=skip=MaintainerDeprecated for now;error=true', 'MAINTAINER a'],
    'own-rules': ['# check=error=true', 'ARG TARGETARCH=amd64', 'RUN GOOS=linux GOARCH=amd64 true'],
  }).map(
    ([name, [directive, ...others]]): Case => ({
      name: `check-${name}`,
      dockerfile: lines(directive!, 'FROM busybox', ...others),
    }),
  ),
  {
    name: 'check-error-with-reason',
    dockerfile: lines('# check=error=true // now', 'FROM busybox', 'MAINTAINER a'),
    fails: true,
  },
  {
    name: 'heredoc-with-stage-of-its-name',
    dockerfile: lines('FROM with-files AS s', 'FROM scratch', 'COPY --from=s /tree <<a /d/', 'mine', 'a'),
  },
  {
    name: 'heredoc-with-stage-wildcard',
    dockerfile: lines('FROM with-files AS s', 'FROM scratch', 'COPY --from=s /tree/* <<A <<B /d/', '1', 'A', '2', 'B'),
  },
  ...['alpine:3', 'docker.io/library/alpine'].map(
    (name, index): Case => ({
      name: `context-scratch-for-image-${index}`,
      dockerfile: lines(`FROM alpine${index === 0 ? ':3' : ''}`, 'COPY f /x'),
      files: { f: 'f' },
      args: [`--build-context=${name}=docker-image://scratch`],
    }),
  ),
  {
    name: 'context-scratch-for-platform',
    dockerfile: lines(
      'FROM --platform=linux/riscv64 base AS x',
      'ENV A=1',
      'FROM base',
      'COPY --from=x / /',
      'WORKDIR /q',
    ),
    args: ['--build-context=base=docker-image://scratch', '--platform=linux/arm64'],
  },
]
