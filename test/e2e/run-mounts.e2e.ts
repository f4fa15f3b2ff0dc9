import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { readTree, summary } from '../support/read-tree.ts'
import { withBases, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { tempFolder } from './support/places.ts'
import { xbuild, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const user = ordinaryUser(folder)
let bases: string[]
let count = 0

beforeAll(async () => {
  bases = await withBases('busybox')
})

interface Built extends Ended {
  readonly at: (path: string) => string
  readonly paths: readonly string[]
}

/** Builds; every RUN that does not end well is a failure unless `code` says so. */
async function build(
  dockerfile: string,
  {
    files = {},
    args = [],
    code = 0,
    env = {},
  }: { files?: Record<string, string>; args?: readonly string[]; code?: number; env?: Record<string, string> } = {},
): Promise<Built> {
  count += 1
  const context = writeFiles(join(folder, `c${count}`), { Dockerfile: dockerfile, ...files })
  const out = join(folder, `o${count}.tar`)
  const ended = await xbuild(['--progress', 'plain', ...bases, '-o', `type=tar,dest=${out}`, ...args, context], {
    store,
    env,
  })
  expect(ended.code, ended.stderr).toBe(code)
  const tree = code === 0 ? readTree(out) : new Map()
  return { ...ended, at: (path) => summary(tree.get(path)), paths: [...tree.keys()] }
}

describe('bind', () => {
  test('of the context: what .dockerignore leaves, owned by root, read-only', async () => {
    const { paths, stderr } = await build(
      'FROM busybox\nWORKDIR /w\nRUN --mount=target=. test "$(ls -A | tr "\\n" " ")" = ".dockerignore Dockerfile a sub " && test $(stat -c %u a) = 0 && ! touch a 2>/dev/null && cat a\n' +
        'RUN --mount=type=bind,source=sub/f,target=/deep/er/f test "$(cat /deep/er/f)" = inner\nRUN test ! -e /deep && test ! -e /w/a\n',
      { files: { a: 'seen\n', no: 'x', 'sub/f': 'inner', '.dockerignore': 'no\n' } },
    )
    expect(stderr).toContain('seen')
    expect(paths.filter((path) => path.startsWith('deep'))).toEqual([])
  })

  test('of a stage and an image; what is written with rw is thrown away', async () => {
    await build(
      'FROM busybox AS made\nRUN mkdir /d && echo 1 > /d/f\nFROM busybox\n' +
        'RUN --mount=from=made,source=/d,target=/m,rw test "$(cat /m/f)" = 1 && echo 2 > /m/f && echo 3 > /m/g\n' +
        'RUN --mount=from=made,source=/d,target=/m test "$(cat /m/f)" = 1 && test ! -e /m/g\n' +
        'RUN --mount=from=busybox,target=/image test -x /image/bin/busybox\n',
    )
  })

  test('its content decides whether the step runs again', async () => {
    const dockerfile = 'FROM busybox\nRUN --mount=source=f,target=/f cat /f\n'
    await build(dockerfile, { files: { f: 'one' } })
    expect((await build(dockerfile, { files: { f: 'one' } })).stderr).toMatch(/CACHED\n(?!.*#\d+ \d)/s)
    expect((await build(dockerfile, { files: { f: 'two' } })).stderr).toContain('two')
  })

  test('of what is not there', async () => {
    const { stderr } = await build('FROM busybox\nRUN --mount=source=gone,target=/f true\n', { code: 1 })
    expect(stderr).toContain('Cannot mount "gone": no such file or folder')
    expect(stderr).toContain('Dockerfile:2')
  })
})

describe('cache', () => {
  test('outlives the build, is not in the image, and platforms share it', async () => {
    const dockerfile =
      'FROM busybox\nARG N\nRUN --mount=type=cache,target=/root/c,mode=0750,uid=5,gid=6 stat -c "%a %u:%g" /root/c && uname -m >> /root/c/f && echo "lines=$(wc -l < /root/c/f) $N"\n'
    const first = await build(dockerfile, { args: ['--build-arg', 'N=1'] })
    expect(first.stderr).toContain('750 5:6')
    expect(first.stderr).toContain('lines=1 1')
    expect(first.at('root/c')).toBe('absent')
    const second = await build(dockerfile, { args: ['--build-arg', 'N=2', '--platform', 'linux/arm64'] })
    expect(second.stderr).toContain('lines=2 2')
    expect((await build(dockerfile, { args: ['--build-arg', 'N=2', '--platform', 'linux/arm64'] })).stderr).not.toMatch(
      /lines=\d/,
    )
  })

  test('starts with what from names, by id', async () => {
    const { stderr } = await build(
      'FROM busybox AS seed\nRUN mkdir /s && echo seeded > /s/f\nFROM busybox\nRUN --mount=type=cache,id=seeded,target=/a,from=seed,source=/s echo more >> /a/f\n' +
        'RUN --mount=type=cache,id=seeded,target=/b,from=seed,source=/s,ro echo "lines=$(wc -l < /b/f)" && ! touch /b/f 2>/dev/null\n',
    )
    expect(stderr).toContain('lines=2')
  })

  test('locked: one step at a time; private: a folder each', async () => {
    const stage = (name: string, sharing: string) =>
      `FROM busybox AS ${name}\nRUN --mount=type=cache,id=${sharing},target=/c,sharing=${sharing} mkdir /c/busy && sleep 1 && rmdir /c/busy && echo ${name} > /${name}\n`
    const all =
      ['l1', 'l2', 'l3'].map((name) => stage(name, 'locked')).join('') +
      ['p1', 'p2'].map((name) => stage(name, 'private')).join('')
    await build(
      `${all}FROM busybox\nCOPY --from=l1 /l1 /\nCOPY --from=l2 /l2 /\nCOPY --from=l3 /l3 /\nCOPY --from=p1 /p1 /\nCOPY --from=p2 /p2 /\n`,
    )
  })

  test('is in du', async () => {
    const { stdout } = await xbuild(['du', '--verbose'], { store })
    expect(stdout).toContain('/root/c')
  })
})

test('tmpfs has the size it asks for and leaves nothing', async () => {
  const { at } = await build(
    'FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m df -k /t | grep -q " 1024 " && echo x > /t/x\n',
  )
  expect(at('t')).toBe('absent')
})

describe('secret', () => {
  const value = `hidden-${process.pid}-value`

  test('is a file, a variable, or not there; and is in no file of the store and no output', async () => {
    const file = join(folder, 'secret')
    writeFileSync(file, `${value}\n`)
    const own = join(folder, 'secret-store')
    const context = writeFiles(join(folder, 'secret-context'), {
      Dockerfile:
        'FROM busybox\nRUN --mount=type=secret,id=s --mount=type=secret,id=e,env=E test "$(stat -c "%a %u" /run/secrets/s)" = "400 0" && test "$E" = "$(cat /run/secrets/s)" && cat /run/secrets/s && echo "said $E"\n' +
        'RUN --mount=type=secret,id=s,target=/k,mode=0440,uid=3,gid=4 test "$(stat -c "%a %u:%g" /k)" = "440 3:4"\nRUN --mount=type=secret,id=gone test ! -e /run && test -z "$E"\n',
    })
    const args = [
      '--progress',
      'plain',
      ...bases,
      '--secret',
      `id=s,src=${file}`,
      '--secret',
      'id=e,env=OWN_SECRET',
      '-o',
      `type=oci,dest=${join(folder, 'secret-out')}`,
      context,
    ]
    const { code, stdout, stderr } = await xbuild(args, { store: own, env: { OWN_SECRET: value } })
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('said ***')
    expect(stdout + stderr).not.toContain(value)
    expect(filesHolding(own, value)).toEqual([])
    expect(filesHolding(join(folder, 'secret-out'), value)).toEqual([])
    expect(await leftovers(own)).toEqual(CLEAN)
  })

  test('that is required and missing', async () => {
    const { stderr } = await build('FROM busybox\nRUN --mount=type=secret,id=gone,required true\n', { code: 1 })
    expect(stderr).toContain('Cannot mount the secret "gone"')
  })
})

describe('ssh with key files', () => {
  /**
   * Asks an agent for the keys it has (a length of one byte, then the request) and prints the answer, comments of the
   * keys included.
   */
  const ASK = String.raw`
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un address = {AF_UNIX};
  static char answer[4096];
  int agent = socket(AF_UNIX, SOCK_STREAM, 0);
  strcpy(address.sun_path, getenv("SSH_AUTH_SOCK"));
  if (connect(agent, (void *)&address, sizeof address)) return 1;
  write(agent, "\0\0\0\1\13", 5);
  return write(1, answer, read(agent, answer, sizeof answer)) < 0;
}
`
  const keys = join(folder, 'keys')
  const makeKey = (name: string, passphrase = '') => {
    mkdirSync(keys, { recursive: true })
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', name, '-f', join(keys, name)])
    return join(keys, name)
  }
  const agents = () => readdirSync(tmpdir()).filter((name) => name.startsWith('xbuild-agent-'))

  test('an agent of the build has them, and ends with it', async () => {
    const before = agents()
    const files = [makeKey('key-one'), makeKey('key-two')]
    const { stderr } = await build(
      'FROM gcc\nCOPY ask.c /\nRUN gcc -o /ask /ask.c\nRUN --mount=type=ssh echo "agent has $(/ask | tr -c "a-z-" "\\n" | grep ^key- | tr "\\n" " ")"\n',
      {
        files: { 'ask.c': ASK },
        args: [...(await withBases('gcc')), '--ssh', `default=${files.join(',')}`],
      },
    )
    expect(stderr).toContain('agent has key-one key-two')
    expect(agents()).toEqual(before)
  })

  test.each([
    ['a passphrase', () => makeKey('locked', 'word')],
    ['no key', () => join(writeFiles(keys, { text: 'no key\n' }), 'text')],
  ])('a file with %s is refused before anything runs', async (_, file) => {
    const before = agents()
    const { stderr } = await build('FROM busybox\nRUN --mount=type=ssh true\n', {
      args: ['--ssh', `default=${file()}`],
      code: 2,
    })
    expect(stderr).toContain('neither the socket of an agent nor a private key without a passphrase')
    expect(agents()).toEqual(before)
  })
})

test('ssh: a socket of the owner it asks for', async () => {
  const socket = join(folder, 'agent.sock')
  const agent = createServer().listen(socket)
  try {
    const { stderr } = await build(
      'FROM busybox\nRUN --mount=type=ssh,uid=7 echo "sock=$SSH_AUTH_SOCK" && test -S $SSH_AUTH_SOCK && stat -c "%a %u" $SSH_AUTH_SOCK\n',
      { args: ['--ssh', `default=${socket}`] },
    )
    expect(stderr).toContain('sock=/run/buildkit/ssh_agent.0')
    expect(stderr).toContain('600 7')
  } finally {
    agent.close()
  }
})

test('networks, hosts, limits, /dev/shm', async () => {
  const none = 'test "$(ls /sys/class/net)" = lo && test -z "$(ip route)" && ip addr show lo | grep -q 127.0.0.1'
  await build(
    `FROM busybox\nRUN --network=none ${none}\nRUN --network=host test "$(ls /sys/class/net)" != lo || true\n`,
    { args: ['--allow', 'network.host'] },
  )
  await build(
    `FROM busybox\nRUN ${none} && grep -q "^10.9.8.7.db" /etc/hosts && test "$(ulimit -n)" = 100 && test "$(ulimit -Hn)" = 200 && df -k /dev/shm | grep -q " 10240 "\n`,
    {
      args: [
        '--network',
        'none',
        '--add-host',
        'db:10.9.8.7',
        '--ulimit',
        'nofile=100:200',
        '--shm-size',
        '10m',
        '--allow',
        'network.host',
      ],
    },
  )
})

test('no namespaces, mounts or keys for steps', async () => {
  await build(
    'FROM busybox\nRUN grep -q "^Seccomp:.*2" /proc/self/status && ! unshare -U true && ! unshare -m true && mkdir /x && ! mount -t tmpfs x /x\n',
  )
})

test('--no-cache-filter runs one stage anew, and what is made from it', async () => {
  const dockerfile =
    'FROM busybox AS a\nRUN cat /proc/sys/kernel/random/uuid > /a && echo ran-a\nFROM busybox AS b\nRUN echo ran-b > /b && cat /b\nFROM busybox\nCOPY --from=a /a /\nCOPY --from=b /b /\n'
  const first = await build(dockerfile)
  const second = await build(dockerfile, { args: ['--no-cache-filter', 'A'] })
  expect(second.stderr).toMatch(/#\d+ [\d.]+ ran-a/)
  expect(second.stderr).not.toMatch(/#\d+ [\d.]+ ran-b/)
  expect(second.at('a')).not.toBe(first.at('a'))
  expect((await build(dockerfile)).at('a')).toBe(second.at('a'))
})

test.each([
  ['--security=insecure', 'this engine runs every step in a sandbox'],
  ['--device=vendor.example/gpu', 'this engine gives steps no devices'],
  ['--mount=type=cahce,target=/c', 'Did you mean "cache"'],
])('RUN %s is refused at its line', async (flag, why) => {
  const { stderr } = await build(`FROM busybox\n\nRUN ${flag} true\n`, { code: 1 })
  expect(stderr).toContain('Dockerfile:3')
  expect(stderr).toContain(why)
})

test('an ordinary user has all of it, emulated steps too', async () => {
  const context = await user.give(
    writeFiles(join(folder, 'user-context'), {
      Dockerfile:
        'FROM busybox\nRUN --mount=target=/m --mount=type=cache,target=/c,uid=5 --mount=type=tmpfs,target=/t --mount=type=secret,id=s,uid=6 ' +
        'test "$(cat /m/f)" = in && test "$(stat -c %u /c /run/secrets/s | tr "\\n" " ")" = "5 6 " && uname -m >> /c/f && test "$(cat /run/secrets/s)" = user-secret && ! unshare -U true\n' +
        'RUN --network=none test -z "$(ip route)"\nRUN --mount=type=cache,target=/c,uid=5 test -s /c/f\n',
      f: 'in',
      s: 'user-secret',
    }),
    'user-context',
  )
  const base = await user.give(await baseLayout('busybox'), 'user-base')
  const { code, stderr } = await user.xbuild([
    '--progress',
    'plain',
    '--platform',
    'linux/amd64,linux/arm64',
    '--build-context',
    `busybox=oci-layout://${base}`,
    '--secret',
    `id=s,src=${context}/s`,
    context,
  ])
  expect(code, stderr).toBe(0)
})

/** Files that hold a text, also packed ones. */
function filesHolding(root: string, text: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path)
      const unpacked = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
      return bytes.includes(text) || unpacked.includes(text)
    })
}
