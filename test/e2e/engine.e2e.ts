import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readTree, summary, type TreeEntry } from '../support/read-tree.ts'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
let bases: string[]
let count = 0

beforeAll(async () => {
  bases = await withBases('busybox')
})

/** Builds for one platform and gives the whole file system of the image, and what was printed. */
async function buildTree(
  dockerfile: string,
  files: Record<string, string> = {},
  extra: readonly string[] = [],
  prepare?: (context: string) => void,
): Promise<{ at: (path: string) => string; tree: Map<string, TreeEntry>; stderr: string }> {
  count += 1
  const context = writeFiles(join(folder, `c${count}`), { Dockerfile: dockerfile, ...files })
  prepare?.(context)
  const out = join(folder, `o${count}.tar`)
  const { code, stderr } = await xbuild(
    ['--progress', 'plain', ...bases, '-o', `type=tar,dest=${out}`, ...extra, context],
    { store },
  )
  expect(code, stderr).toBe(0)
  const tree = readTree(out)
  return { at: (path) => summary(tree.get(path)), tree, stderr }
}

describe('COPY', () => {
  test('gives files of the context to root and keeps their modes', async () => {
    const { at } = await buildTree(
      'FROM busybox\nCOPY a.sh /x/\nCOPY d /y\n',
      { 'a.sh': 'a', 'd/e/f': 'f' },
      [],
      (context) => {
        chmodSync(join(context, 'a.sh'), 0o4711)
        chmodSync(join(context, 'd'), 0o700)
        chmodSync(join(context, 'd/e'), 0o750)
      },
    )
    expect(at('x')).toBe('dir 755 0:0')
    expect(at('x/a.sh')).toBe('file 4711 0:0 "a"')
    expect(at('y')).toBe('dir 755 0:0')
    expect(at('y/e')).toBe('dir 750 0:0')
    expect(at('y/e/f')).toBe('file 644 0:0 "f"')
  })

  test('--chown by name and number, --chmod octal and symbolic, also for folders it makes', async () => {
    const { at, stderr } = await buildTree(
      'FROM busybox\nRUN echo "app:x:1234:4321::/:/bin/sh" >> /etc/passwd && echo "grp:x:777:" >> /etc/group\n' +
        'COPY --chown=app a /1/\nCOPY --chown=app:grp a /2/\nCOPY --chown=55 a /3/\nCOPY --chown=55:66 --chmod=600 a /4/\nCOPY --chmod=u=rwX,go= d /5\nCOPY --chown=nobody-here a /6/\n',
      { a: 'a', 'd/f': 'f' },
    )
    expect(at('1/a')).toBe('file 644 1234:4321 "a"')
    expect(at('1')).toBe('dir 755 1234:4321')
    expect(at('2/a')).toBe('file 644 1234:777 "a"')
    expect(at('3/a')).toBe('file 644 55:55 "a"')
    expect(at('4/a')).toBe('file 600 55:66 "a"')
    expect(at('5/f')).toBe('file 600 0:0 "f"')
    expect(at('6/a')).toBe('file 644 0:0 "a"')
    expect(stderr).toContain('nobody-here')
  })

  test('into folders that exist changes nothing of them; writes through symlinks of the image', async () => {
    const { at } = await buildTree(
      'FROM busybox\nRUN mkdir /real && ln -s /real /link && echo old > /target && ln -s /target /filelink\nCOPY a /tmp/a\nCOPY a /link/b\nCOPY a /filelink\n',
      { a: 'a' },
    )
    expect(at('tmp')).toBe('dir 1777 0:0')
    expect(at('tmp/a')).toBe('file 644 0:0 "a"')
    expect(at('real/b')).toBe('file 644 0:0 "a"')
    expect(at('link')).toMatch(/^symlink .* -> \/real$/)
    expect(at('target')).toBe('file 644 0:0 "a"')
    expect(at('filelink')).toMatch(/^symlink/)
  })

  test('wildcards, several sources, symlinks and hard links in trees', async () => {
    const { at, tree } = await buildTree(
      'FROM busybox\nCOPY *.txt d/ /out/\nCOPY link /direct\n',
      { 'a.txt': 'A', 'b.txt': 'B', c: 'C', 'd/e': 'E' },
      [],
      (context) => {
        symlinkSync('a.txt', join(context, 'link'))
        symlinkSync('e', join(context, 'd/soft'))
        linkSync(join(context, 'd/e'), join(context, 'd/twin'))
      },
    )
    expect(at('out/a.txt')).toBe('file 644 0:0 "A"')
    expect(at('out/b.txt')).toBe('file 644 0:0 "B"')
    expect(at('out/c')).toBe('absent')
    expect(at('out/soft')).toMatch(/^symlink .* -> e$/)
    expect(at('direct')).toBe('file 644 0:0 "A"')
    expect([tree.get('out/e')?.type, tree.get('out/twin')?.type].sort()).toEqual(['file', 'hardlink'])
  })

  test('.dockerignore with exceptions, and heredocs', async () => {
    const { at } = await buildTree(
      'FROM busybox\nARG WHO=you\nCOPY . /c\nCOPY <<one <<"two" /h/\nhello $WHO\none\nhello $WHO\ntwo\n',
      {
        '.dockerignore': '# comment\nlogs\n!logs/keep\n**/*.tmp\n',
        'logs/a': 'a',
        'logs/keep': 'k',
        'x/y.tmp': 't',
        'x/z': 'z',
      },
    )
    expect(at('c/logs/a')).toBe('absent')
    expect(at('c/logs/keep')).toBe('file 644 0:0 "k"')
    expect(at('c/x/y.tmp')).toBe('absent')
    expect(at('c/x/z')).toBe('file 644 0:0 "z"')
    expect(at('h/one')).toBe('file 644 0:0 "hello you\\n"')
    expect(at('h/two')).toBe('file 644 0:0 "hello $WHO\\n"')
  })

  test('--from keeps owners, modes and hard links; only what it needs of a stage', async () => {
    const { at, tree } = await buildTree(
      'FROM busybox AS made\nRUN mkdir -p /d/sub && echo 1 > /d/one && ln /d/one /d/two && chown 7:8 /d/one && chmod 2750 /d/sub && mkfifo /d/pipe && rm /d/pipe\n' +
        'FROM scratch\nCOPY --from=made /d /copy\nCOPY --from=made --chown=3:4 /d/one /single\n',
    )
    expect(at('copy/one')).toMatch(/^(file 644|hardlink 644) 7:8/)
    expect([tree.get('copy/one')?.type, tree.get('copy/two')?.type].sort()).toEqual(['file', 'hardlink'])
    expect(at('copy/sub')).toBe('dir 2750 0:0')
    expect(at('single')).toBe('file 644 3:4 "1\\n"')
    expect([...tree.keys()].filter((path) => !path.startsWith('copy') && path !== 'single' && path !== '')).toEqual([])
  })

  test('ADD unpacks local archives, COPY does not', async () => {
    const { at } = await buildTree(
      'FROM busybox\nADD a.tgz /add/\nCOPY a.tgz /copy/\nRUN cd /copy && tar xzf a.tgz && cmp in/file /add/in/file\n',
      {},
      [],
      (context) => {
        mkdirSync(join(context, 'in'))
        writeFileSync(join(context, 'in/file'), 'packed\n')
        const { status } = spawnTar(context)
        expect(status).toBe(0)
      },
    )
    expect(at('add/in/file')).toBe('file 644 0:0 "packed\\n"')
    expect(at('copy/a.tgz')).toMatch(/^file 644/)
  })
})

describe('RUN', () => {
  test('removals become whiteouts, replaced folders do not show what was below', async () => {
    const { at } = await buildTree(
      'FROM busybox\nRUN mkdir -p /a/b /k && echo x > /a/b/c && echo y > /k/l\nRUN rm -r /a && mkdir /a && echo new > /a/n && rm /k/l\nRUN rmdir /k && ln -s /a /k\n',
    )
    expect(at('a/b')).toBe('absent')
    expect(at('a/n')).toBe('file 644 0:0 "new\\n"')
    expect(at('k')).toMatch(/^symlink .* -> \/a$/)
  })

  test('USER, WORKDIR, ENV, ARG, SHELL, exec form, heredoc script', async () => {
    const { at } = await buildTree(
      'FROM busybox\nARG A=arg\nENV E=env\nRUN echo "app:x:1234:1234::/home:/bin/sh" >> /etc/passwd && mkdir /w && chmod 777 /w\nUSER app\nWORKDIR /w/made/deep\n' +
        'RUN echo "$A $E $(id -u):$(id -g) $PWD" > out\nRUN ["sh", "-c", "echo exec > exec"]\nSHELL ["/bin/sh", "-ec"]\nRUN echo $- > flags\nRUN <<END\necho $E > here\nEND\n',
    )
    expect(at('w/made/deep/flags')).toMatch(/^file 644 1234:1234 "[a-z]*e/)
    expect(at('w/made/deep')).toBe('dir 755 1234:1234')
    expect(at('w/made/deep/out')).toBe('file 644 1234:1234 "arg env 1234:1234 /w/made/deep\\n"')
    expect(at('w/made/deep/exec')).toBe('file 644 1234:1234 "exec\\n"')
    expect(at('w/made/deep/here')).toBe('file 644 1234:1234 "env\\n"')
  })

  test('sees resolv.conf, hosts, /dev/null; leaves in an image from scratch the mount points that BuildKit leaves, and no others', async () => {
    const { tree } = await buildTree(
      'FROM busybox AS b\nFROM scratch\nCOPY --from=b /bin/busybox /busybox\nRUN ["/busybox", "sh", "-c", "/busybox cat /etc/hosts > /hosts && /busybox test -f /etc/resolv.conf && echo x > /dev/null && /busybox test -d /proc/self && /busybox test -d /sys/kernel"]\n',
    )
    expect(tree.get('hosts')?.content).toContain('localhost')
    expect([...tree.keys()].filter(Boolean).sort()).toEqual(['busybox', 'dev', 'hosts', 'proc', 'sys'])
  })

  test('a command that fails shows its last lines, the Dockerfile line and the platform', async () => {
    const context = writeFiles(join(folder, 'fails'), {
      Dockerfile: 'FROM busybox\n\nRUN echo before; echo why it broke >&2; exit 7\n',
    })
    const { code, stderr, stdout } = await xbuild(
      [...bases, '--platform', 'linux/amd64,linux/arm64', '-o', `type=oci,dest=${join(folder, 'never')}`, context],
      { store },
    )
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('exit code 7')
    expect(stderr).toMatch(/Dockerfile:3/)
    expect(stderr).toContain('why it broke')
    expect(stderr).toContain('linux/arm64')
  })

  test('cannot see files, processes or the store of the host', async () => {
    const { tree } = await buildTree(
      `FROM busybox\nRUN ls ${store} > /seen 2>&1 || true; ls /proc | grep -c '^[0-9]' > /processes; hostname > /name\n`,
    )
    expect(tree.get('seen')?.content).toContain('No such file')
    expect(Number(tree.get('processes')?.content)).toBeLessThan(10)
    expect(tree.get('name')?.content).toBe('buildkitsandbox\n')
  })
})

describe('cache', () => {
  const files = { 'a.txt': 'one\n', 'b.txt': 'two\n' }
  const dockerfile = 'FROM busybox\nCOPY a.txt /a\nRUN cat /a > /ran && date +%s%N > /stamp\nCOPY b.txt /b\n'

  test('nothing changed: nothing runs; touched: nothing runs; another content: what depends on it runs', async () => {
    const context = writeFiles(join(folder, 'cache'), { Dockerfile: dockerfile, ...files })
    const build = async (name: string) => {
      const out = join(folder, `${name}.tar`)
      const { code, stderr } = await xbuild(['--progress', 'plain', ...bases, '-o', `type=tar,dest=${out}`, context], {
        store,
      })
      expect(code, stderr).toBe(0)
      return {
        stamp: readTree(out).get('stamp')?.content,
        cached: stderr.split('\n').filter((line) => line.endsWith('CACHED')).length,
      }
    }
    const first = await build('first')
    const second = await build('second')
    expect(second).toEqual({ stamp: first.stamp, cached: 4 })
    utimesSync(join(context, 'a.txt'), 1, 1)
    expect((await build('touched')).stamp).toBe(first.stamp)
    writeFileSync(join(context, 'b.txt'), 'three\n')
    expect(await build('b')).toEqual({ stamp: first.stamp, cached: 3 })
    writeFileSync(join(context, 'a.txt'), 'four\n')
    expect((await build('a')).stamp).not.toBe(first.stamp)
  })

  test('--no-cache runs everything', async () => {
    const { stderr } = await buildTree(dockerfile, files, ['--no-cache'])
    expect(stderr).not.toMatch(/RUN cat[^\n]*\n#\d+ CACHED/)
  })

  test('with SOURCE_DATE_EPOCH two stores give the same digest', async () => {
    const context = writeFiles(join(folder, 'epoch'), {
      Dockerfile:
        'FROM busybox\nCOPY a.txt b.txt /d/\nWORKDIR /w\nRUN echo hi > f && mkdir sub && ln f sub/g && rm /d/b.txt\n',
      ...files,
    })
    const digests: string[] = []
    for (const [name, made] of [
      ['s1', 1_750_000_000],
      ['s2', Date.now() / 1000],
    ] as const) {
      // COPY gives a new folder the newest time of its files: long before the step that changes it, or in the same
      // second
      utimesSync(join(context, 'a.txt'), made, made)
      utimesSync(join(context, 'b.txt'), made, made)
      const { code, stdout, stderr } = await xbuild(
        [
          '--platform',
          'linux/amd64,linux/arm64',
          ...bases,
          '-o',
          `type=oci,dest=${join(folder, `${name}-out`)}`,
          context,
        ],
        {
          store: join(folder, name),
          env: { SOURCE_DATE_EPOCH: '1700000000' },
        },
      )
      expect(code, stderr).toBe(0)
      digests.push(stdout)
    }
    expect(digests[0]).toMatch(/^sha256:[0-9a-f]{64}\n$/)
    expect(digests[1]).toBe(digests[0])
  })

  test('stages that do not depend on the target platform run once for all', async () => {
    const context = writeFiles(join(folder, 'once'), {
      Dockerfile:
        'FROM --platform=$BUILDPLATFORM busybox AS gen\nRUN echo generating-now && date +%s%N > /g\nFROM busybox\nCOPY --from=gen /g /g\n',
    })
    const out = join(folder, 'once-out')
    const { code, stderr } = await xbuild(
      [
        '--progress',
        'plain',
        '--platform',
        'linux/amd64,linux/arm64',
        ...bases,
        '-o',
        `type=local,dest=${out}`,
        context,
      ],
      { store },
    )
    expect(code, stderr).toBe(0)
    expect(stderr.match(/generating-now$/gm)).toHaveLength(1)
    expect(readFileSync(join(out, 'linux_amd64/g'), 'utf8')).toBe(readFileSync(join(out, 'linux_arm64/g'), 'utf8'))
  })
})

function spawnTar(context: string): { status: number | null } {
  return spawnSync('tar', ['czf', 'a.tgz', '--owner=0', '--group=0', '--mode=u=rw,go=r,a+X', 'in'], { cwd: context })
}
