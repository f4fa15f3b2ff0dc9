import type { Harmless } from './harmless.ts'

const USERS = 'RUN mkdir -p @ && echo inner:x:77:78::/:/bin/sh > @/passwd && echo inner:x:79: > @/group'

/** What a step leaves where the engine reads later: links, pipes and devices lead to nothing outside, and end nothing. */
export const READ: readonly Harmless[] = [
  {
    name: 'USER looks names up behind links, inside of the image',
    lines: [
      `${USERS} && ln -sf @/passwd /etc/passwd && ln -sf ../../../..@/group /etc/group`,
      'USER inner:inner',
      'RUN test "$(id -u):$(id -g)" = 77:79',
      'USER 0',
    ],
  },
  {
    name: 'COPY --chown looks names up behind links, inside of the image',
    lines: [
      `${USERS} && ln -sf @/passwd /etc/passwd && ln -sf ../../../..@/group /etc/group`,
      'COPY --chown=inner:inner x /m/x',
      'RUN test "$(stat -c %u:%g /m/x)" = 77:79',
    ],
  },
  ...['mkfifo /etc/passwd /etc/group', 'ln -s /dev/zero /etc/passwd; ln -s @/pipe /etc/group', 'mkdir /etc/group'].map(
    (command) => ({
      name: `COPY --chown reads no users after ${command}`,
      base: `FROM busybox AS %-a\nRUN rm -f /etc/passwd /etc/group; ${command}\nCOPY --chown=secret:secret x /m\nFROM busybox AS %`,
      lines: ['COPY --from=%-a /m /m', 'RUN test "$(stat -c %u:%g /m)" = 0:0'],
    }),
  ),
  {
    name: 'COPY --from of a pipe, of a link to it, and of a folder with both',
    base: 'FROM busybox AS %-a\nRUN mkdir /m && mkfifo /m/p && ln -s p /m/l && ln /m/p /m/h && ln -s @/pipe /m/o\nFROM busybox AS %',
    lines: [
      'COPY --from=%-a /m/p /p',
      'COPY --from=%-a /m/l /l',
      'COPY --from=%-a /m /n',
      'RUN test -p /p -a -p /l -a -p /n/p -a -p /n/h -a -L /n/l -a -L /n/o',
    ],
  },
  {
    name: 'mounts of a pipe, and of a folder with links and pipes',
    base: 'FROM busybox AS %-a\nRUN mkdir /m && mkfifo /m/p && ln -s @/secret /m/l\nFROM busybox AS %',
    lines: [
      'RUN --mount=from=%-a,source=/m/p,target=/q --mount=from=%-a,source=/m,target=/m test -p /q && ! cat /m/l',
      'RUN --mount=from=%-a,source=/m,target=/m,rw rm /m/p /m/l && ln -s @ /m/l && ! cat /m/l/secret',
    ],
  },
  {
    name: 'a cache that starts with links and pipes',
    base: 'FROM busybox AS %-a\nRUN mkdir /m && mkfifo /m/p && ln /m/p /m/h && ln -s @/secret /m/l\nFROM busybox AS %',
    lines: [
      'RUN --mount=type=cache,id=%,from=%-a,source=/m,target=/c test -p /c/p -a -p /c/h && ! cat /c/l && ln -s @ /c/d',
      'RUN --mount=type=cache,id=%,target=/c ! cat /c/d/secret',
    ],
  },
  ...['mkfifo $f', 'ln -s @/pipe $f', 'mknod $f c 1 3 || touch $f', 'ln -s /m/inner $f'].map((command) => ({
    name: `hosts and resolv.conf made by ${command}`,
    base:
      `FROM busybox AS %-a\nRUN mkdir /m /m/etc; for f in /m/etc/hosts /m/etc/resolv.conf; do ${command}; done\n` +
      'FROM scratch AS %\nCOPY --from=busybox /bin /bin\nCOPY --from=%-a /m/etc /etc',
    lines: ['RUN test -s /etc/resolv.conf -a -s /etc/hosts'],
  })),
  {
    name: 'secrets and agents where a pipe and a device are',
    lines: [
      'RUN mkfifo /f /g; mknod /h c 1 5 || touch /h',
      'RUN --mount=type=secret,id=s,target=/f --mount=type=ssh,target=/g --mount=type=secret,id=s,target=/h test -s /f -a -S /g -a -s /h',
      'RUN test -p /f -a -p /g',
    ],
  },
]
