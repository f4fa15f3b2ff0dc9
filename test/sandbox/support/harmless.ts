import type { Content } from '../../e2e/support/context.ts'
import { extension, item, paxRecord, tar, type TarItem } from '../../support/tar.ts'

/** A way out that leads nowhere: the build ends well. */
export interface Harmless {
  readonly name: string
  /** Instructions after FROM; `@` is a folder outside, `%` the row's own name. The context has `x` and `s/`. */
  readonly lines: readonly string[]
  /** What comes first, up to the stage `%`; absent: busybox. */
  readonly base?: string
  /** Further files of the context, below `%/`. */
  readonly files?: (outside: string) => Readonly<Record<string, Content>>
}

/** An image without /etc: only a folder that a step makes itself can be moved while something is mounted in it. */
const BARE = 'FROM scratch AS %\nCOPY --from=busybox /bin /bin'

/** Moves a folder away and puts a symbolic link in its place while something is mounted below it. */
const swap = (mount: string, target: string, path = '/m') =>
  `RUN --mount=${mount} mv ${path} /moved && ln -s ${target} ${path}`
const bind = (target: string) => `type=bind,source=x,target=${target}`

/** Folders and files that the engine made for mounts are taken away after the step. */
const MOUNT_POINTS: readonly Harmless[] = [
  { name: 'a mount point behind an absolute link', lines: [swap(bind('/m/f'), '@')] },
  { name: 'a mount point behind a relative link', lines: [swap(bind('/m/f'), '../../../../../../../..@')] },
  { name: 'a mount point two folders behind a link', lines: [swap(bind('/m/d/f'), '@')] },
  {
    name: 'a mount point behind a chain of links',
    lines: [`RUN ln -s @ /l1 && ln -s l1 /l2`, swap(bind('/m/f'), 'l2')],
  },
  { name: 'a mount point behind /proc/self/root', lines: [swap(bind('/m/f'), '/proc/self/root@')] },
  { name: 'a mount point behind /proc/1/root', lines: [swap(bind('/m/f'), '/proc/1/root@')] },
  {
    name: 'a mount point behind /proc/self/cwd',
    lines: [swap(bind('/m/f'), '/proc/self/cwd/../../../../../../../..@')],
  },
  { name: 'the name of a socket', lines: [swap(bind('/m/sock'), '@')] },
  { name: 'the name of a pipe', lines: [swap(bind('/m/pipe'), '@')] },
  { name: 'the name of a device', lines: [swap(bind('/m/dev'), '@')] },
  { name: 'the name of an empty folder', lines: [swap('type=bind,source=s,target=/m/d', '@/d/d')] },
  { name: 'a folder in memory', lines: [swap('type=tmpfs,target=/m/d', '@/d/d')] },
  { name: 'a cache', lines: [swap('type=cache,id=escape,target=/m/e', '@/d/d')] },
  { name: 'a secret', lines: [swap('type=secret,id=s,target=/m/f', '@')] },
  { name: 'a heredoc', lines: ['RUN --mount=type=tmpfs,target=/m/e <<E\nmv /m /n && ln -s @/d/d /m\nE'] },
  { name: 'the files that every step gets', base: BARE, lines: ['RUN mv /etc /n && ln -s @ /etc'] },
  {
    name: 'the time of a folder with a new mount point',
    lines: [swap(`${bind('/m/d/x')} --mount=${bind('/m/d/y')}`, '@')],
  },
  {
    name: 'the time of a folder that is a link now',
    lines: [swap(`${bind('/m/d/x')} --mount=${bind('/m/d/y')}`, '@/d', '/m/d')],
  },
  {
    name: 'a link in the middle of a deep mount point',
    lines: ['RUN --mount=type=bind,source=x,target=/m/d/d/f mv /m/d /n && ln -s @/d /m/d'],
  },
  { name: 'links that go round in circles', lines: [swap(bind('/m/f'), '/m')] },
  { name: 'a link to nothing', lines: [swap(bind('/m/f'), '/nowhere/at/all')] },
  { name: 'a file where a folder was', lines: ['RUN --mount=type=bind,source=x,target=/m/d/f mv /m /n && echo > /m'] },
  { name: 'a pipe where a folder was', lines: ['RUN --mount=type=bind,source=x,target=/m/d/f mv /m /n && mkfifo /m'] },
]

/** Later instructions go through links that an earlier step made. */
const LATER: readonly Harmless[] = [
  { name: 'WORKDIR through a link', lines: ['RUN ln -s @ /m', 'WORKDIR /m/w/v', 'RUN test "$PWD" = @/w/v'] },
  { name: 'WORKDIR at a link', lines: ['RUN ln -s @/d /m', 'WORKDIR /m', 'RUN test "$PWD" = @/d'] },
  { name: 'WORKDIR at a link of dots', lines: ['RUN ln -s ../../..@/d /m', 'WORKDIR /m', 'RUN test "$PWD" = @/d'] },
  { name: 'WORKDIR with dots', lines: ['WORKDIR /a/../../..@/d', 'RUN test "$PWD" = @/d'] },
  { name: 'a mount at a link', lines: ['RUN ln -s @ /m', `RUN --mount=${bind('/m/f')} test "$(cat @/f)" = new`] },
  {
    name: 'a folder in memory at a link',
    lines: ['RUN ln -s @ /m', 'RUN --mount=type=tmpfs,target=/m/d/d touch @/d/d/new'],
  },
  { name: 'a cache at a link', lines: ['RUN ln -s @ /m', 'RUN --mount=type=cache,id=%,target=/m/d/d touch @/d/d/new'] },
  { name: 'a secret at a link', lines: ['RUN ln -s @ /m', 'RUN --mount=type=secret,id=s,target=/m/f test -s @/f'] },
  { name: 'a mount with dots', lines: [`RUN --mount=${bind('/a/../..@/f')} test -s @/f`] },
  {
    name: 'a mount behind a link of a cache',
    lines: [
      'RUN --mount=type=cache,id=%,target=/c ln -s @ /c/l',
      `RUN --mount=type=cache,id=%,target=/c --mount=${bind('/c/l/f')} true`,
    ],
  },
  {
    name: 'files of every step that are links',
    base: `${BARE}\nCOPY %/etc /etc/`,
    files: (outside) => ({
      'etc/resolv.conf': { link: `${outside}/f` },
      'etc/hosts': { link: `../../..${outside}/empty` },
    }),
    lines: ['RUN test -e /etc/resolv.conf && test -s @/empty'],
  },
]

/** What comes into the image goes to where the image's links lead, inside of it. */
const COPIES: readonly Harmless[] = [
  { name: 'COPY into a link', lines: ['RUN ln -s @ /m', 'COPY x /m/full', 'RUN test "$(cat @/full)" = new'] },
  {
    name: 'COPY to a link',
    lines: ['RUN mkdir -p @ && ln -s @/full /m', 'COPY x /m', 'RUN test "$(cat @/full)" = new'],
  },
  { name: 'COPY to a link to nothing', lines: ['RUN ln -s @/full /m', 'COPY x /m', 'RUN test "$(cat @/full)" = new'] },
  { name: 'COPY with dots', lines: ['COPY x ../../../../..@/full', 'RUN test "$(cat @/full)" = new'] },
  { name: 'COPY of a folder into a link', lines: ['RUN ln -s @ /m', 'COPY s /m/', 'RUN test "$(cat @/d/f)" = new'] },
  {
    name: 'COPY with modes and owners into a link',
    lines: [
      'RUN ln -s @ /m',
      'COPY --chmod=777 --chown=5:6 x /m/d/full',
      'RUN test "$(stat -c %a:%u:%g @/d/full)" = 777:5:6',
    ],
  },
  {
    name: 'COPY --parents into a link',
    lines: ['RUN ln -s @ /m', 'COPY --parents s/d/f /m/', 'RUN test "$(cat @/s/d/f)" = new'],
  },
  {
    name: 'COPY of a heredoc into a link',
    lines: ['RUN ln -s @ /m', 'COPY <<full /m/\nnew\nfull', 'RUN test "$(cat @/full)" = new'],
  },
  {
    name: 'COPY of a heredoc to a link',
    lines: ['RUN ln -s @/full /m', 'COPY <<E /m\nnew\nE', 'RUN test "$(cat @/full)" = new'],
  },
  {
    name: 'COPY over a link',
    lines: ['RUN mkdir /m && ln -s @/full /m/x', 'COPY x /m/', 'RUN test ! -L /m/x && test -s /m/x'],
  },
  {
    name: 'COPY over a hard link',
    lines: ['RUN mkdir /m && echo old > /o && ln /o /m/x', 'COPY x /m/', 'RUN test "$(cat /o)" = old'],
  },
  { name: 'COPY over a pipe', lines: ['RUN mkdir /m && mkfifo /m/x', 'COPY x /m/', 'RUN test -f /m/x'] },
  { name: 'COPY into /proc/self/root', lines: ['COPY x /proc/self/root@/full'] },
  {
    name: 'COPY of a link of the context',
    files: (outside) => ({ 'd/l': { link: `${outside}/secret` } }),
    lines: ['COPY %/d /m/', 'RUN test -L /m/l && ! grep -q SECRET /m/l'],
  },
  {
    name: 'a mounted link of the context',
    files: (outside) => ({ 'd/l': { link: `${outside}/secret` } }),
    lines: ['RUN --mount=source=%/d,target=/m test -L /m/l && ! grep -q SECRET /m/l'],
  },
  ...[
    'COPY --from=%-a /m/secret /got',
    'COPY --from=%-a /m/sec* /got',
    'RUN --mount=from=%-a,source=/m/secret,target=/s cp /s /got',
    'RUN --mount=type=cache,id=%,from=%-a,source=/m,target=/c cp /c/secret /got',
  ].map((line) => ({
    name: `${line.replaceAll('%-a', 'STAGE').replaceAll('%', 'ID')}, where /m is a link`,
    base: 'FROM busybox AS %-a\nRUN mkdir -p @ && echo inner > @/secret && ln -s @ /m\nFROM busybox AS %',
    lines: [line, 'RUN test "$(cat /got)" = inner'],
  })),
]

const dir = (path: string) => item({ path, type: 'dir', mode: 0o755 })
const link = (path: string, target: string) => item({ path, type: 'symlink', link: target })
const file = (path: string) => item({ path, data: 'new\n' })

/** ADD unpacks into `/`. */
const adds = (name: string, items: (outside: string) => readonly TarItem[], ...lines: string[]): Harmless => ({
  name: `ADD of an archive: ${name}`,
  files: (outside) => ({ 'a.tar': tar(items(outside)), 'dirs/d/e/f': 'new\n' }),
  lines: ['ADD %/a.tar /', ...lines],
})

const addsBytes = (name: string, parts: (outside: string) => readonly Buffer[]): Harmless => ({
  ...adds(name, () => []),
  files: (outside) => ({ 'a.tar': Buffer.concat([...parts(outside)]) }),
})

const ARCHIVES: readonly Harmless[] = [
  adds('a file behind its own link', (out) => [link('l', out), file('l/full')], 'RUN test "$(cat @/full)" = new'),
  adds('a file behind a chain of its links', (out) => [link('a', out), link('b', 'a'), file('b/full')]),
  adds('a file in place of its own link', (out) => [link('l', `${out}/full`), file('l')], 'RUN test -f /l -a ! -L /l'),
  adds('a folder in place of its own link', (out) => [link('l', out), dir('l'), file('l/full')]),
  adds('a link in place of a folder that has a time to get', (out) => [dir('d'), file('d/f'), link('d', out)]),
  adds('a pipe in a folder that becomes a link', (out) => [
    dir('d'),
    item({ path: 'd/pipe', type: 'fifo' }),
    link('d', out),
  ]),
  adds('attributes in a folder that becomes a link', (out) => [
    dir('d'),
    item({ path: 'd/full', data: 'x', xattrs: new Map([['user.canary', Buffer.from('gone')]]) }),
    link('d', out),
  ]),
  adds('a hard link to its own link, and a file of that name', (out) => [
    link('l', `${out}/full`),
    item({ path: 'h', type: 'hardlink', link: 'l' }),
    file('h'),
  ]),
  adds('an absolute name', (out) => [file(`${out}/full`)], 'RUN test "$(cat @/full)" = new'),
  addsBytes('a name that a pax header makes absolute', (out) => [
    extension('x', paxRecord('path', `${out}/full`)),
    tar([file('harmless')]),
  ]),
  addsBytes('a name that a pax header of the whole archive makes absolute', (out) => [
    extension('g', paxRecord('path', `${out}/full`)),
    tar([file('harmless')]),
  ]),
  addsBytes('a link that a pax header turns outwards', (out) => [
    extension('x', paxRecord('linkpath', out)),
    tar([link('l', 'harmless'), file('l/full')]),
  ]),
  addsBytes('an absolute long name of GNU', (out) => [extension('L', `${out}/full\0`), tar([file('harmless')])]),
  addsBytes('a long link of GNU that is turned outwards', (out) => [
    extension('K', `${out}\0`),
    tar([link('l', 'harmless'), file('l/full')]),
  ]),
  {
    ...adds('into a link of the image', () => [file('full')]),
    lines: ['RUN ln -s @ /m', 'ADD %/a.tar /m/', 'RUN test "$(cat @/full)" = new'],
  },
  {
    ...adds('a link in place of a folder that was just copied', (out) => [link('d', `${out}/d`)]),
    lines: ['ADD %/dirs %/a.tar /'],
  },
  {
    ...adds('a link in the way to a folder that was just copied', (out) => [link('d', `${out}/d`)]),
    lines: ['ADD %/dirs %/a.tar /m/'],
  },
]

/** Rows in which the engine meets what a step left: how steps run makes a difference. */
export const AFTER_STEPS: readonly Harmless[] = [...MOUNT_POINTS, ...LATER]
/** Rows of COPY and ADD, which the same code does for steps of all kinds. */
export const OF_FILES: readonly Harmless[] = [...COPIES, ...ARCHIVES]
