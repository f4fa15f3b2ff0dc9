/** A way out that leads nowhere: the build ends well. */
export interface Harmless {
  readonly name: string
  /** Instructions after FROM; `@` is a folder outside. The context has the file `x` and the folder `s`. */
  readonly lines: readonly string[]
  /** What the image starts with; absent: busybox. */
  readonly base?: string
}

/** An image without /etc: only a folder that a step makes itself can be moved while something is mounted in it. */
const BARE = 'FROM scratch AS ID\nCOPY --from=busybox /bin /bin'

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
  { name: 'COPY into a link', lines: ['RUN ln -s @ /m', 'COPY x /m/full', 'RUN test "$(cat @/full)" = new'] },
  {
    name: 'COPY to a link',
    lines: ['RUN mkdir -p @ && ln -s @/full /m', 'COPY x /m', 'RUN test "$(cat @/full)" = new'],
  },
  { name: 'COPY to a link to nothing', lines: ['RUN ln -s @/full /m', 'COPY x /m', 'RUN test "$(cat @/full)" = new'] },
]

export const HARMLESS: readonly Harmless[] = [...MOUNT_POINTS, ...LATER]
