import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const RUN: readonly Case[] = [
  { name: 'run-shell', dockerfile: lines('FROM busybox', 'RUN echo "a  b" > /x && echo \'c\' >> /x') },
  { name: 'run-exec', dockerfile: lines('FROM busybox', 'RUN ["touch", "/a b", "/c"]') },
  { name: 'run-exec-no-shell', dockerfile: lines('FROM busybox', 'RUN ["touch", "/$HOME"]') },
  { name: 'run-json-with-spaces', dockerfile: lines('FROM busybox', 'RUN   [  "touch" ,"/a"  ]  ') },
  {
    name: 'run-broken-json-is-shell',
    dockerfile: lines('FROM busybox', "RUN [ 'a' = 'a' ] && touch /yes", 'RUN [ "a" = "a" ] && touch /yes2'),
  },
  { name: 'run-json-with-number', dockerfile: lines('FROM busybox', 'RUN ["touch", 1]'), fails: true },
  {
    name: 'run-continued',
    dockerfile: lines('FROM busybox', 'RUN echo one \\', '    two \\', '# comment', '', '    three > /x'),
  },
  {
    name: 'run-environment',
    dockerfile: lines(
      'FROM busybox',
      'RUN env | sort > /env; pwd > /pwd; id > /id; umask > /umask; ulimit -n > /dev/null',
    ),
  },
  { name: 'run-environment-scratch-env', dockerfile: lines('FROM with-config', 'RUN env | sort > /tmp/env') },
  {
    name: 'run-hostname',
    dockerfile: lines('FROM busybox', 'RUN hostname > /h; cat /etc/hostname > /e 2>/dev/null || true'),
  },
  { name: 'run-nothing-changed', dockerfile: lines('FROM busybox', 'RUN true', 'RUN echo hi') },
  { name: 'run-touch-existing', dockerfile: lines('FROM busybox', 'RUN touch /etc/passwd', 'RUN chmod 755 /etc') },
  { name: 'run-delete-file', dockerfile: lines('FROM with-files', 'RUN rm /tree/a') },
  { name: 'run-delete-folder', dockerfile: lines('FROM with-files', 'RUN rm -r /tree/deep') },
  {
    name: 'run-delete-and-make-again',
    dockerfile: lines('FROM with-files', 'RUN rm -r /tree/deep && mkdir /tree/deep && echo new > /tree/deep/new'),
  },
  {
    name: 'run-file-becomes-folder',
    dockerfile: lines(
      'FROM with-files',
      'RUN rm /tree/a && mkdir /tree/a && touch /tree/a/x',
      'RUN rm -r /tree/a && ln -s deep /tree/a',
    ),
  },
  {
    name: 'run-rename-folder',
    dockerfile: lines('FROM with-files', 'RUN mv /tree/deep /tree/moved', 'RUN mv /tree /forest'),
  },
  { name: 'run-delete-own-file', dockerfile: lines('FROM busybox', 'RUN touch /a', 'RUN rm /a', 'RUN touch /a') },
  {
    name: 'run-delete-everything-below',
    dockerfile: lines('FROM with-files', 'RUN rm -r /tree/* /tree/.??* 2>/dev/null; ls -A /tree > /left'),
  },
  {
    name: 'run-devices',
    dockerfile: lines('FROM busybox', 'RUN mkfifo /fifo && mknod /null c 1 3 && mknod /blk b 7 0 && chmod 600 /fifo'),
  },
  { name: 'run-whiteout-like-names', dockerfile: lines('FROM busybox', 'RUN mkdir /x && touch /x/wh.a /x/.wha') },
  {
    name: 'run-long-names',
    dockerfile: lines(
      'FROM busybox',
      `RUN mkdir -p /${'d'.repeat(120)}/${'e'.repeat(120)} && touch /${'d'.repeat(120)}/${'e'.repeat(120)}/${'f'.repeat(200)} && ln -s ${'g'.repeat(150)} /l`,
    ),
  },
  {
    name: 'run-odd-names',
    dockerfile: lines(
      'FROM busybox',
      'RUN touch "/a b" "/q\'q" "/ü" "/new$(printf "\\nline")" "/back\\\\slash" "/tab$(printf "\\t")x"',
    ),
  },
  {
    name: 'run-sparse-file',
    dockerfile: lines('FROM busybox', 'RUN dd if=/dev/zero of=/sparse bs=1 count=1 seek=3000000'),
  },
  {
    name: 'run-many-files',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir /m && for i in $(seq 500); do echo $i > /m/$i; done',
      'RUN rm /m/1* && echo x > /m/2',
    ),
  },
  { name: 'run-in-etc', dockerfile: lines('FROM busybox', 'RUN echo x > /etc/new && ls /etc > /list') },
  {
    name: 'run-etc-stubs-missing',
    dockerfile: lines('FROM scratch', 'COPY --from=busybox /bin /bin', 'RUN ["/bin/sh", "-c", "ls -A / > /list"]'),
  },
  {
    name: 'run-removes-mount-folders',
    dockerfile: lines('FROM busybox', 'RUN mkdir -p /proc /sys /dev && ls -d /proc /sys /dev > /l'),
  },
  {
    name: 'run-writes-hosts',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo "1.2.3.4 x" >> /etc/hosts || true',
      'RUN echo a > /etc/resolv.conf || true',
    ),
  },
  {
    name: 'run-own-hosts-file',
    dockerfile: lines('FROM busybox', 'COPY hosts /etc/hosts', 'COPY hosts /etc/resolv.conf', 'RUN true'),
    files: { hosts: '1.1.1.1 a\n' },
  },
  { name: 'run-tmp-mode', dockerfile: lines('FROM busybox', 'RUN touch /tmp/x && mkdir /var && touch /var/x') },
  { name: 'run-dev-shm', dockerfile: lines('FROM busybox', 'RUN echo x > /dev/shm/x; ls /dev | sort > /devs') },
  { name: 'run-workdir-missing', dockerfile: lines('FROM busybox', 'WORKDIR /a/b', 'RUN rmdir /a/b', 'RUN pwd > /p') },
  {
    name: 'run-workdir-removed-and-empty',
    dockerfile: lines('FROM busybox', 'WORKDIR /a', 'RUN touch f', 'RUN ls > l'),
  },
  { name: 'run-fails', dockerfile: lines('FROM busybox', 'RUN exit 3'), fails: true },
  { name: 'run-no-program', dockerfile: lines('FROM busybox', 'RUN ["nothing-here"]'), fails: true },
  { name: 'run-on-scratch', dockerfile: lines('FROM scratch', 'RUN true'), fails: true },
  { name: 'run-empty', dockerfile: lines('FROM busybox', 'RUN') },
  { name: 'run-background-process', dockerfile: lines('FROM busybox', 'RUN sleep 100 & echo started > /s') },
  {
    name: 'run-capabilities',
    dockerfile: lines(
      'FROM busybox',
      'RUN grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:" /proc/self/status > /caps',
      'USER node',
      'RUN grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs" /proc/self/status > /tmp/caps',
    ),
  },
  {
    name: 'run-move-over',
    dockerfile: lines(
      'FROM with-files',
      'RUN mv /tree/deep/b /tree/a && rmdir /empty && mkdir /empty && chmod 700 /empty',
    ),
  },
  {
    name: 'run-swap-link-and-folder',
    dockerfile: lines(
      'FROM with-files',
      'RUN rm /to-folder && mv /target /to-folder && ln -s to-folder /target',
      'RUN touch /target/x',
    ),
  },
  {
    name: 'run-chown-symlink',
    dockerfile: lines('FROM with-files', 'RUN chown -h 3:4 /tree/link && chown 5:6 /tree/link'),
  },
  {
    name: 'run-metadata-only',
    dockerfile: lines(
      'FROM with-files',
      'RUN chmod 711 /tree/deep && chown 9:9 /tree/deep/er',
      'RUN chmod 4711 /suid',
      'RUN chmod 0 /tree/a',
    ),
  },
  {
    name: 'run-opaque-then-add',
    dockerfile: lines(
      'FROM with-files',
      'RUN rm -r /tree && mkdir -p /tree/deep && touch /tree/deep/only',
      'COPY a /tree/deep/',
      'RUN rm -r /tree/deep',
    ),
    files: { a: 'a' },
  },
  {
    name: 'run-delete-in-two-layers',
    dockerfile: lines(
      'FROM with-files',
      'RUN rm /tree/deep/b',
      'RUN rm /tree/deep/er/c && rmdir /tree/deep/er',
      'RUN echo b > /tree/deep/b',
    ),
  },
  { name: 'run-rename-file', dockerfile: lines('FROM with-files', 'RUN mv /tree/a /tree/z && mv /tree/link /link2') },
  {
    name: 'run-link-dance',
    dockerfile: lines('FROM with-files', 'RUN rm /tree/a && ln /tree/hard /tree/a', 'RUN cp -a /tree /copy'),
  },
  {
    name: 'run-install',
    dockerfile: lines(
      'FROM busybox',
      'RUN install -d -m 2775 -o 5 -g 6 /srv/data && install -m 4750 -o 7 /etc/passwd /srv/data/p',
    ),
  },
  {
    name: 'run-umask',
    dockerfile: lines('FROM busybox', 'RUN umask > /u; umask 077; touch /private; mkdir /private-folder'),
  },
  {
    name: 'run-tar-in-container',
    dockerfile: lines(
      'FROM with-files',
      'RUN tar -cf /t.tar -C /tree deep/b link && mkdir /out && tar -xf /t.tar -C /out && rm /t.tar',
    ),
  },
  {
    name: 'run-touch-dates',
    dockerfile: lines(
      'FROM busybox',
      'RUN touch -d "1970-01-01 00:00:00" /epoch && touch -d "2037-01-01 00:00:00" /future && touch -t 190112132045 /old',
    ),
  },
  {
    name: 'run-proc-and-sys',
    dockerfile: lines(
      'FROM busybox',
      'RUN ls /proc/1/cwd >/dev/null; cat /proc/1/comm > /comm; cat /proc/sys/kernel/hostname > /host; test -w /proc/sys/kernel/hostname || echo ro > /ro; ls -A /sys/firmware > /fw',
    ),
  },
  {
    name: 'run-mounts-seen',
    dockerfile: lines('FROM busybox', 'RUN cut -d" " -f2 /proc/mounts | grep -vE "^/(proc|sys)/" | sort -u > /mounts'),
  },
  {
    name: 'run-stdin-is-empty',
    dockerfile: lines('FROM busybox', 'RUN cat > /stdin; readlink /proc/self/fd/0 | cut -d: -f1 > /fd'),
  },
  { name: 'run-limits', dockerfile: lines('FROM busybox', 'RUN ulimit -c > /core; ulimit -s > /stack') },
  {
    name: 'run-localhost',
    dockerfile: lines('FROM busybox', 'RUN grep -c buildkitsandbox /etc/hosts > /n; head -n 1 /etc/hosts > /first'),
  },
  {
    name: 'run-hostname-argument',
    dockerfile: lines(
      'FROM busybox',
      'RUN hostname > /name; head -n 1 /etc/hosts > /first; env | grep -c SANDBOX > /count || true',
    ),
    args: ['--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=builder-1.example'],
  },
  { name: 'run-exit-in-exec-form', dockerfile: lines('FROM busybox', 'RUN ["/bin/sh", "-c", "exit 7"]'), fails: true },
  { name: 'run-kills-itself', dockerfile: lines('FROM busybox', 'RUN kill -9 $$; echo alive > /x') },
  { name: 'run-not-executable', dockerfile: lines('FROM busybox', 'RUN ["/etc/passwd"]'), fails: true },
  { name: 'run-relative-program', dockerfile: lines('FROM busybox', 'WORKDIR /bin', 'RUN ["./touch", "/x"]') },
  {
    name: 'run-path-lookup',
    dockerfile: lines(
      'FROM busybox',
      'ENV PATH=/nowhere:/bin',
      'RUN ["touch", "/x"]',
      'ENV PATH=/nowhere',
      'RUN /bin/touch /y',
    ),
  },
  { name: 'run-path-empty', dockerfile: lines('FROM busybox', 'ENV PATH=', 'RUN /bin/touch /y') },
  {
    name: 'run-home',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo "[$HOME]" > /a',
      'USER node',
      'RUN echo "[$HOME]" > /tmp/b',
      'ENV HOME=/mine',
      'RUN echo "[$HOME]" > /tmp/c',
      'USER 4242',
      'RUN echo "[$HOME]" > /tmp/d',
    ),
  },
  {
    name: 'run-user-of-later-group',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo "extra:x:77:node" >> /etc/group && echo "more:x:78:root,node" >> /etc/group',
      'USER node',
      'RUN id > /tmp/id',
      'USER root',
      'RUN id > /tmp/root',
      'USER node:extra',
      'RUN id > /tmp/id2',
    ),
  },
  {
    name: 'run-read-only-etc-files',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo x >> /etc/resolv.conf && touch /wrote',
      'RUN rm -f /etc/hosts; test -e /etc/hosts && touch /still',
    ),
    fails: true,
  },
  {
    name: 'run-mount-bind-file',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=bind,source=a,target=/mnt/file cat /mnt/file > /copy'),
    files: { a: 'text' },
  },
  {
    name: 'run-mount-bind-readonly',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=bind,target=/ctx touch /ctx/x'),
    files: { a: 'a' },
    fails: true,
  },
  {
    name: 'run-mount-bind-owners',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=bind,target=/ctx stat -c "%n %a %u:%g" /ctx /ctx/a /ctx/d > /s',
    ),
    files: { a: { text: 'a', mode: 0o640 }, d: { folder: true, mode: 0o750 } },
  },
  {
    name: 'run-mount-missing-source',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=bind,source=nope,target=/x true'),
    files: { a: 'a' },
    fails: true,
  },
  {
    name: 'run-mount-cache-seed',
    dockerfile: lines(
      'FROM with-files AS s',
      'FROM busybox',
      'RUN --mount=type=cache,target=/c,from=s,source=/tree,id=conformance-seed ls /c > /l',
    ),
  },
  {
    name: 'run-mount-cache-over-folder',
    dockerfile: lines(
      'FROM with-files',
      'RUN --mount=type=cache,target=/tree,id=conformance-over ls -A /tree > /l; touch /tree/new',
    ),
  },
  {
    name: 'run-mount-tmpfs-mode',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=tmpfs,target=/t stat -c "%a %u:%g" /t > /s'),
  },
  {
    name: 'run-mount-nested',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=tmpfs,target=/a --mount=type=tmpfs,target=/a/b touch /a/b/c && ls /a > /l',
    ),
  },
  {
    name: 'run-mount-relative',
    dockerfile: lines(
      'FROM busybox',
      'WORKDIR /w',
      'RUN --mount=type=bind,target=ctx ls ctx > l',
      'RUN --mount=type=tmpfs,target=t touch t/x',
    ),
    files: { a: 'a' },
  },
  { name: 'run-mount-at-root', dockerfile: lines('FROM busybox', 'RUN --mount=type=tmpfs,target=/ true'), fails: true },
  {
    name: 'run-mount-bad-type',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=nothing,target=/x true'),
    fails: true,
  },
  {
    name: 'run-mount-bad-key',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=cache,target=/x,colour=red true'),
    fails: true,
  },
  {
    name: 'run-mount-secret-required',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=secret,id=none,required true'),
    fails: true,
  },
  {
    name: 'run-mount-variables',
    dockerfile: lines(
      'FROM busybox',
      'ARG DIR=d',
      'ENV AT=/mnt',
      'RUN --mount=type=bind,source=$DIR,target=${AT}/x ls /mnt/x > /l',
    ),
    files: { 'd/a': 'a' },
  },
  {
    name: 'run-mount-kept-parents',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=tmpfs,target=/new/deep/place touch /new/beside',
      'RUN --mount=type=tmpfs,target=/other/deep/place true',
    ),
  },
  { name: 'run-network-none', dockerfile: lines('FROM busybox', 'RUN --network=none ls /sys/class/net > /net') },
  {
    name: 'run-mount-bind',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=bind,target=/ctx,source=d ls -R /ctx > /list',
      'RUN --mount=target=/ctx,rw touch /ctx/new; ls /ctx > /list2',
    ),
    files: { 'd/a': 'a', b: 'b' },
  },
  {
    name: 'run-mount-bind-stage',
    dockerfile: lines(
      'FROM with-files AS s',
      'FROM busybox',
      'RUN --mount=from=s,source=/tree,target=/t cp -r /t /copy',
    ),
  },
  {
    name: 'run-mount-tmpfs',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=tmpfs,target=/scratch touch /scratch/x && ls /scratch > /l'),
  },
  {
    name: 'run-mount-cache',
    dockerfile: lines(
      'FROM busybox',
      'RUN --mount=type=cache,target=/cache,uid=5,gid=6,mode=0711 touch /cache/x; stat -c "%a %u %g" /cache > /l',
    ),
  },
  {
    name: 'run-mount-secret',
    dockerfile: lines('FROM busybox', 'RUN --mount=type=secret,id=none ls /run/secrets > /l 2>&1 || true'),
  },
  {
    name: 'run-mount-inside-folder',
    dockerfile: lines(
      'FROM with-files',
      'RUN --mount=type=tmpfs,target=/tree/deep touch /tree/deep/x && ls /tree/deep > /l',
    ),
  },
]
