import type { Case } from '../support/case.ts'
import type { RawMember } from '../support/raw-tar.ts'
import { lines } from './lines.ts'

const file = (path: string): RawMember => ({ path, text: path })
const tree = { f: 'f', 'd/a': 'a', 'd/b/c': { text: 'c', mode: 0o755 } }
const holes = (bytes: number) => '\0'.repeat(bytes)

/** Corners of many instructions, found by building new Dockerfiles with both builders. */
export const CORNERS: readonly Case[] = [
  {
    name: 'corner-archive-dots-inside',
    dockerfile: lines('FROM scratch', 'ADD a.tar /x/'),
    files: {
      'a.tar': {
        rawTar: [
          file('a/../b'),
          file('a/b/../../c/d'),
          { path: 'c/h', type: 'hardlink', target: 'c/../b' },
          { path: 'l', type: 'symlink', target: 'c' },
          file('l/../g'),
        ],
      },
    },
  },
  ...(['0.0', '0.1', '1.0'] as const).map(
    (version): Case => ({
      name: `corner-archive-holes-${version}`,
      dockerfile: lines('FROM scratch', 'ADD a.tar /x/'),
      files: {
        'a.tar': {
          holes: version,
          tar: [
            { path: 'middle', text: `${holes(70_000)}x${holes(9000)}y` },
            { path: 'end', text: `x${holes(70_000)}` },
            { path: 'only', text: holes(70_000) },
            { path: 'none', text: 'none' },
          ],
        },
      },
    }),
  ),
  {
    name: 'corner-set-group-id-copy',
    dockerfile: lines(
      'FROM with-files',
      'COPY f /setgid/n/x',
      'COPY d /setgid/m/o',
      'COPY --chown=1:2 f /setgid/p/q/x',
      'COPY --chmod=700 d /setgid/r',
      'COPY <<EOF /setgid/h/x',
      'x',
      'EOF',
    ),
    files: tree,
  },
  {
    name: 'corner-set-group-id-add',
    dockerfile: lines(
      'FROM with-files',
      'ADD a.tar /setgid/n',
      'ADD a.tar /setgid/',
      'ADD --chown=1:2 a.tar /setgid/o/',
    ),
    files: { 'a.tar': { rawTar: [file('d/f')] } },
  },
  {
    name: 'corner-set-group-id-workdir',
    dockerfile: lines('FROM with-files', 'WORKDIR /setgid/a/b', 'USER 7', 'WORKDIR /setgid/c/d', 'WORKDIR /sticky/e'),
  },
  {
    name: 'corner-set-group-id-mount',
    dockerfile: lines('FROM with-files', 'RUN --mount=type=tmpfs,target=/setgid/m/n touch /setgid/m/kept'),
  },
  {
    name: 'corner-secret-that-is-not-there',
    dockerfile: lines('FROM busybox', 'ENV S=x', 'RUN --mount=type=secret,id=none,env=S echo "[${S-unset}]" > /s'),
  },
  {
    name: 'corner-ssh-without-agent',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=ssh --mount=type=ssh,id=b,target=/s echo "[$SSH_AUTH_SOCK]" > /1',
      'ENV SSH_AUTH_SOCK=/mine',
      'RUN --mount=type=ssh echo "[$SSH_AUTH_SOCK]" > /2',
    ),
  },
  {
    name: 'corner-mounts-over-etc',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=tmpfs,target=/etc --mount=type=tmpfs,target=/etc/x ls -A /etc > /1',
      'RUN --mount=type=cache,id=conformance-etc,target=/etc ls -A /etc > /2',
    ),
  },
  {
    name: 'corner-heredoc-backslash',
    dockerfile: lines('FROM scratch', 'ENV A=1', 'COPY <<\\EOF /1', '$A', 'EOF', 'COPY <<E\\OF /2', '$A', 'EOF'),
  },
  {
    name: 'corner-workdir-of-nothing',
    dockerfile: lines('FROM busybox', 'WORKDIR /x//y/', 'WORKDIR $NO', 'WORKDIR z', 'WORKDIR ${NO}'),
  },
  { name: 'corner-expose-slash', dockerfile: lines('FROM busybox', 'EXPOSE 80/ 81-82/') },
  {
    name: 'corner-chmod-zeros',
    dockerfile: lines('FROM scratch', 'COPY --chmod=0000000644 d /1', 'COPY --chmod=00000 f /2'),
    files: tree,
  },
  {
    name: 'corner-indented-users',
    dockerfile: lines(
      'FROM busybox',
      'RUN printf "  sp:x:7:8::/h:/bin/sh\\n" >> /etc/passwd; printf "\\tgr:x:9:sp\\n" >> /etc/group',
      'COPY --chown=sp:gr f /1',
      'USER sp',
      'RUN id > /tmp/2; echo $HOME >> /tmp/2',
    ),
    files: tree,
  },
  {
    name: 'corner-cache-mode',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=cache,target=/c,id=conformance-777,mode=0777 stat -c %a /c > /mode',
    ),
  },
  { name: 'corner-onbuild-unknown', dockerfile: lines('FROM busybox', 'ONBUILD NOPE x') },
  { name: 'corner-signal-of-nothing', dockerfile: lines('FROM busybox', 'STOPSIGNAL 65') },
  {
    name: 'corner-archive-removal',
    dockerfile: lines('FROM scratch', 'ADD a.tar /x/'),
    files: { 'a.tar': { rawTar: [file('a'), file('.wh.a')] } },
  },
]
