import type { Case, FileSpec, TarMember } from '../support/case.ts'
import { lines } from './lines.ts'

const tree = (name: string, dockerfile: string, files: Readonly<Record<string, FileSpec>> = {}): Case => ({
  name: `tree-${name}`,
  dockerfile,
  files,
})

/** Neither builder takes it. */
const refused = (...of: Parameters<typeof tree>): Case => ({ ...tree(...of), fails: true })

/** A step that makes a tree, and two copies of it: as a layer of its own, and out of another stage. */
const made = (name: string, ...commands: readonly string[]): Case =>
  tree(
    name,
    lines(
      'FROM busybox AS made',
      `RUN mkdir /t && cd /t && ${commands.join(' && ')}`,
      'FROM scratch',
      'COPY --from=made /t /t',
      'COPY --from=made /t/ /u/v/',
    ),
  )

const long = 'n'.repeat(120)
const archive = (name: string, tar: readonly TarMember[], ...rest: readonly string[]): Case =>
  tree(name, lines('FROM busybox', ...(rest.length > 0 ? rest : ['ADD a.tar /d/'])), { 'a.tar': { tar } })

/** Unusual files, made by steps, in contexts and in archives. */
export const TREES: readonly Case[] = [
  made(
    'modes',
    'for m in 0 1 2 4 7 10 70 100 644 1000 1777 2711 4755 6755 7777; do touch f$m; chmod $m f$m; mkdir d$m; chmod $m d$m; done',
  ),
  made('umask', 'umask 0', 'touch a', 'mkdir b', 'umask 0777', 'touch c', 'umask 027', 'mkdir -p d/e', 'umask 022'),
  made(
    'owners',
    'touch a b c',
    'chown 1:2 a',
    'chown 65535:65534 b',
    'chown 2147483647:2097152 c',
    'mkdir d',
    'chown 5 d',
    'chgrp 6 d',
    'ln -s x l',
    'chown -h 7:8 l',
  ),
  made(
    'links',
    'echo a > a',
    'ln a b',
    'mkdir d',
    'ln a d/c',
    'ln -s a s',
    'ln s t',
    'ln -s /t/a abs',
    'ln -s ../t/d up',
    'ln -s loop loop',
    'ln -s "" empty 2>/dev/null; ln -s "a b" "sp ace"',
  ),
  made(
    'fifos-and-devices',
    'mkfifo p',
    'mkfifo -m 666 q',
    'ln q r',
    'mknod n c 1 3',
    'chmod 640 n',
    'mknod b b 7 200',
    'mknod w c 5 1',
    'chown 3:4 w',
  ),
  made(
    'names',
    'touch -- "ü" "日本" "a b" "tab\\there" "./-dash" "..." "#h" "!b" "*" "?" "[x]" "~" "\\\\back"',
    `touch ${long}`,
    'touch ".wh" "a.wh.b"',
  ),
  made('latin-names', 'touch "$(printf "caf\\351")"', 'mkdir "$(printf "d\\377")"', 'touch "$(printf "d\\377")/x"'),
  made('newline-names', 'touch "$(printf "a\\nb")" "$(printf "c\\001d")"'),
  made(
    'long-paths',
    `mkdir -p ${Array.from({ length: 12 }, () => long).join('/')}`,
    `cd ${Array.from({ length: 12 }, () => long).join('/')}`,
    'echo deep > f',
    'ln -s f l',
  ),
  made('long-links', `ln -s ${'x/'.repeat(150)}y l`, `ln -s ${'z'.repeat(101)} m`, `ln -s ${'z'.repeat(100)} n`),
  made(
    'sizes',
    ': > empty',
    'printf x > one',
    'head -c 511 /dev/zero > e511',
    'head -c 512 /dev/zero > e512',
    'head -c 513 /dev/zero > e513',
    'head -c 1048577 /dev/zero > big',
  ),
  made(
    'sparse',
    'dd if=/dev/zero of=hole bs=1 count=1 seek=3000000 2>/dev/null',
    'truncate -s 5000 all',
    'echo x > some; truncate -s 100000 some; echo y >> some',
  ),
  made(
    'times',
    'touch -d @0 zero',
    'touch -d @1 one',
    'touch -d @4294967296 late',
    'touch -h -d @77 l 2>/dev/null; mkdir d',
    'touch -d @99 d',
    'touch -d "1960-01-01" old',
  ),
  made('empty-folders', 'mkdir -p a/b/c d', 'chmod 700 a/b', 'rmdir d'),
  made('programs', 'cp /bin/busybox sh', 'ln sh ash', 'ln -s sh dash', 'chmod u+s sh'),
  tree(
    'whiteouts',
    lines(
      'FROM with-files',
      'RUN rm /tree/a',
      'RUN rm -rf /tree/deep/er && rm /tree/hard',
      'RUN touch /tree/a && rm /tree/link /sticky -rf && mkdir /sticky',
      'RUN rm -rf /tree && mkdir -m 711 /tree && touch /tree/only',
      'RUN mv /target /renamed; mv /setgid/ /moved; mv /suid /suid2',
      'RUN rm -rf /renamed /moved && ln -s /tree /renamed',
    ),
  ),
  tree(
    'opaque',
    lines(
      'FROM with-files',
      'RUN rm -rf /tree && cp -a /etc /tree',
      'RUN rm -rf /tree/* && touch /tree/x',
      'RUN rm -rf /empty && mkdir /empty && mkdir /empty/in && rmdir /empty/in',
      'FROM scratch',
      'COPY --from=0 /tree /empty /all/',
    ),
  ),
  tree(
    'kind-changes',
    lines(
      'FROM with-files',
      'RUN rm -r /tree/deep && echo f > /tree/deep',
      'RUN rm /tree/deep && ln -s a /tree/deep',
      'RUN rm /tree/deep && mkfifo /tree/deep',
      'RUN rm /tree/deep && mkdir /tree/deep && echo x > /tree/deep/x',
      'RUN rm /to-file && mknod /to-file c 1 5',
    ),
  ),
  tree(
    'copy-over-kinds',
    lines(
      'FROM busybox',
      'RUN mkdir -p /o/dir /o/full/x && touch /o/file && ln -s dir /o/link && ln -s /o/none /o/dangling && ln -s file /o/tofile',
      'COPY f /o/dir/',
      'COPY f /o/file',
      'COPY f /o/link/',
      'COPY f /o/tofile',
      'COPY d /o/other',
      'COPY f /o/link',
    ),
    { f: 'f', 'd/x': 'now a file\n'.repeat(2).slice(0, 5), 'd/y/z': 'z' },
  ),
  refused('copy-file-over-folder', lines('FROM busybox', 'RUN mkdir -p /x/f', 'COPY d/ /x/'), { 'd/f': 'f' }),
  refused('copy-folder-over-file', lines('FROM busybox', 'RUN mkdir /x && touch /x/f', 'COPY d/ /x/'), {
    'd/f/g': 'g',
  }),
  refused('copy-link-over-folder', lines('FROM busybox', 'RUN mkdir -p /x/l', 'COPY d/ /x/'), { 'd/l': { link: 'y' } }),
  refused('copy-folder-over-link', lines('FROM busybox', 'RUN mkdir -p /x /y && ln -s /y /x/l', 'COPY d/ /x/'), {
    'd/l/g': 'g',
  }),
  tree(
    'copy-to-root-link',
    lines('FROM busybox', 'RUN ln -s / /r && ln -s .. /up', 'COPY f /r/a', 'COPY f /up/up/b', 'COPY f /../../c'),
    { f: 'f' },
  ),
  tree(
    'context-links',
    lines('FROM scratch', 'COPY . /all/', 'COPY l /one', 'COPY d/../d/in /two', 'COPY dl/in /three', 'COPY abs /four'),
    {
      'd/in': 'i',
      l: { link: 'd/in' },
      dl: { link: 'd' },
      abs: { link: '/d/in' },
      dangling: { link: 'nowhere/x' },
      loop: { link: 'loop' },
    },
  ),
  tree('context-link-out', lines('FROM scratch', 'COPY out /x'), {
    out: { link: '../../../../../../d/in' },
    'd/in': 'i',
  }),
  tree('context-link-to-absolute-folder', lines('FROM scratch', 'COPY e/in /x', 'COPY e /y'), {
    e: { link: '/d' },
    'd/in': 'i',
  }),
  tree(
    'context-hard-links',
    lines('FROM scratch', 'COPY a b /pair/', 'COPY . /all', 'COPY d /d', 'COPY --chown=3 a b /owned/'),
    { a: 'a', b: { hardlink: 'a' }, 'd/c': { hardlink: 'a' }, 'd/e': 'e', 'd/f': { hardlink: 'd/e' } },
  ),
  tree('context-modes', lines('FROM scratch', 'COPY . /x', 'COPY --chmod=644 . /y', 'COPY s /z'), {
    s: { text: 's', mode: 0o6711 },
    n: { text: 'n', mode: 0o400 },
    d: { folder: true, mode: 0o1777 },
    'e/f': { text: 'f', mode: 0o777 },
    g: { folder: true, mode: 0o2700 },
  }),
  tree('context-fifo', lines('FROM scratch', 'COPY . /x'), { p: { fifo: true }, 'd/q': { fifo: true }, a: 'a' }),
  tree(
    'context-capabilities',
    lines(
      'FROM busybox',
      'COPY . /x/',
      'COPY --chmod=700 p /y',
      'COPY --chown=1:1 p /z',
      'RUN cp -p /x/p /c; chmod 711 /x/p',
    ),
    {
      p: { text: 'p', mode: 0o755, capability: true },
      'd/q': { text: 'q', mode: 0o4755, capability: true },
    },
  ),
  tree(
    'context-names',
    lines('FROM scratch', 'COPY . /x/', 'COPY ["a b", "ü", "/y/"]', 'COPY [ab]* /z/', 'COPY \\#h /h', 'COPY "q" /q'),
    {
      'a b': '1',
      ü: '2',
      '日本/語': '3',
      '#h': '4',
      q: '5',
      [long]: '6',
      [`${long}/${long}/${long}`.replace(/^n/, 'm')]: '7',
      'b[1]': '8',
      'star*': '9',
    },
  ),
  tree(
    'context-glob-escapes',
    lines('FROM scratch', 'COPY b\\[1\\] /a', 'COPY star\\* /b', 'COPY q\\? /c', 'COPY b[[]1] /d'),
    {
      'b[1]': '1',
      'star*': '2',
      starry: '3',
      'q?': '4',
      qx: '5',
    },
  ),
  archive('archive-kinds', [
    { path: 'f', text: 'f', mode: 0o640, owner: '1:2' },
    { path: 'd/g', text: 'g', mode: 0o4755 },
    { path: 'e', folder: true, mode: 0o1777, owner: '3:4' },
    { path: 'l', link: 'f' },
    { path: 'abs', link: '/d/f' },
    { path: 'h', hardlink: 'f' },
    { path: 'cap', text: 'c', mode: 0o755, capability: true },
    { path: 'd/ü', text: 'u' },
    { path: `${'p'.repeat(60)}/${'q'.repeat(60)}`, text: 'x' },
  ]),
  archive(
    'archive-over-things',
    [
      { path: 'etc/passwd', text: 'p\n', mode: 0o600 },
      { path: 'etc/new', text: 'n' },
      { path: 'bin/extra', text: 'e', mode: 0o755 },
      { path: 'tmp', folder: true, mode: 0o700, owner: '9:9' },
    ],
    'ADD a.tar /',
  ),
  archive(
    'archive-through-links',
    [
      { path: 'x/y', text: '1' },
      { path: 'to', link: 'x' },
      { path: 'x/z', text: '2' },
    ],
    'RUN mkdir -p /real && ln -s /real /d',
    'ADD a.tar /d',
    'ADD a.tar /d/sub/',
  ),
  archive(
    'archive-chown',
    [
      { path: 'f', text: 'f', owner: '1:2' },
      { path: 'd/g', text: 'g', owner: '3:4', mode: 0o600 },
    ],
    'ADD --chown=node:7 a.tar /d/',
    'ADD --chown=8 a.tar /e',
  ),
  archive(
    'archive-chmod',
    [
      { path: 'f', text: 'f', mode: 0o600 },
      { path: 'd/g', text: 'g', mode: 0o4700 },
    ],
    'ADD --chmod=755 a.tar /d/',
  ),
  archive('archive-copied', [{ path: 'f', text: 'f' }], 'COPY a.tar /d/', 'ADD --link a.tar /e/'),
  tree('archive-packings', lines('FROM busybox', 'ADD g.tgz b.tbz x.txz /d/', 'ADD g.tgz /e', 'ADD not.tar.gz /f/'), {
    'g.tgz': { tar: [{ path: 'g', text: 'g' }], packed: 'gzip' },
    'b.tbz': { tar: [{ path: 'b', text: 'b' }], packed: 'bzip2' },
    'x.txz': { tar: [{ path: 'x', text: 'x' }], packed: 'xz' },
    'not.tar.gz': 'plain text',
  }),
  tree(
    'set-group-folders',
    lines(
      'FROM busybox',
      'RUN mkdir -m 2775 /s && chgrp 50 /s',
      'COPY d /s/d',
      'COPY f /s/new/f',
      'WORKDIR /s/w/x',
      'RUN touch a; mkdir b',
    ),
    {
      'd/e/f': 'f',
      f: 'f',
    },
  ),
  tree(
    'sticky-tmp',
    lines(
      'FROM busybox',
      'RUN chmod 1777 /tmp; echo a > /tmp/a',
      'COPY f /tmp/',
      'RUN rm -rf /tmp/*',
      'RUN mkdir -p /var/tmp && chmod 1777 /var/tmp',
    ),
    { f: 'f' },
  ),
  tree(
    'times-of-folders',
    lines('FROM scratch', 'COPY d /d', 'COPY d/ /e/', 'COPY d/in/f /g/h/', 'COPY . /all', 'ADD d /added'),
    { 'd/in/f': 'f', 'd/empty': { folder: true }, x: 'x' },
  ),
  tree(
    'removed-in-cache-and-bind',
    lines(
      'FROM with-files',
      'RUN --mount=type=bind,target=/tree/deep rm /tree/a',
      'RUN --mount=type=cache,target=/tree/new/cache touch /tree/new/f',
      'RUN --mount=type=tmpfs,target=/empty touch /empty/x && touch /y',
      'RUN --mount=type=bind,source=f,target=/tree/deep/b cat /tree/deep/b > /z',
    ),
    { f: 'f' },
  ),
  tree(
    'exchanged-under-mount',
    lines(
      'FROM busybox',
      'RUN mkdir -p /a/b && echo x > /a/b/c',
      'RUN --mount=type=bind,target=/m/n/o mv /m /k && mkdir /m && touch /m/own; ls /k',
    ),
    { f: 'f' },
  ),
  tree(
    'resolv-and-hosts',
    lines(
      'FROM busybox',
      'RUN rm -f /etc/motd; ls /etc > /list; [ -e /etc/hosts ]',
      'COPY hosts /etc/hosts',
      'RUN cat /etc/hosts | wc -l > /dev/null',
      'RUN ls -la /etc/hosts | cut -d" " -f1 > /mode',
    ),
    { hosts: '1.2.3.4 own\n' },
  ),
  tree(
    'proc-and-dev',
    lines(
      'FROM busybox',
      'RUN ls /proc/1 > /dev/null; ls -d /proc /sys /dev > /l; ls /dev | sort > /dev.txt; readlink /dev/fd > /fds; readlink /dev/stdin >> /fds',
    ),
  ),
  tree(
    'many',
    lines(
      'FROM busybox',
      'RUN mkdir /m && cd /m && for i in $(seq 500); do echo $i > $i; done',
      'RUN cd /m && rm 1? && mv 2 33 && chmod 600 4*',
    ),
  ),
  tree('add-folder-and-files', lines('FROM scratch', 'ADD d f /x/', 'ADD --chown=1 d /y', 'ADD f /z', 'ADD f /w/'), {
    'd/a': 'a',
    f: 'f',
  }),
  refused('add-checksum-of-file', lines('FROM scratch', `ADD --checksum=sha256:${'0'.repeat(64)} f /x`), { f: 'f' }),
]
