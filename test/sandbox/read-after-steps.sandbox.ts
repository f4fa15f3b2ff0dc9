import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { makeCanary, stateOf } from './support/canary.ts'
import { createSandbox, type Mode, MODES } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)
let rows = 0

/** Builds a Dockerfile in which `@` is a folder outside; that folder must be as it was. */
async function attack(mode: Mode, dockerfile: string, args: readonly string[] = []) {
  rows += 1
  const outside = join(folder, 'outside', mode, String(rows))
  mkdirSync(join(outside, '..'), { recursive: true })
  await makeCanary(outside, mode === 'rootless' ? statSync(join(folder, 'home')).uid : process.getuid!())
  const before = stateOf(outside)
  const files = { Dockerfile: dockerfile.replaceAll('@', outside), x: 'new\n' }
  const ended = await sandbox.build(mode, files, args)
  expect(stateOf(outside)).toEqual(before)
  expect(ended.stdout + ended.stderr).not.toMatch(/SECRET$|secret:x|bug in xbuild/m)
  return ended
}

/** Files that tell of packages, and programs that an image starts. */
const READ = [
  'etc/os-release',
  'usr/lib/os-release',
  'var/lib/dpkg/status',
  'lib/apk/db/installed',
  'app/package-lock.json',
  'app/node_modules/a/package.json',
  'usr/lib/python3/dist-packages/a.dist-info/METADATA',
]
const plant = (commands: readonly string[]) =>
  READ.map((path, index) => {
    const command = commands[index % commands.length]!
    return `mkdir -p /m/${path.slice(0, path.lastIndexOf('/'))} && { ${command.replaceAll('$f', `/m/${path}`)}; }`
  }).join(' && ')

test.each(MODES)('what a %s step leaves is no list of packages, and no program to start', async (mode) => {
  const dockerfile = `FROM busybox AS a
RUN ${plant(['mkfifo $f', 'ln -s @/secret $f', 'mknod $f c 1 5 || mkfifo $f', 'ln -s $f $f', 'ln -s /proc/self/root@/pipe $f'])}
RUN mkdir -p /m/bin && mkfifo /m/bin/p && ln -s @/pipe /m/bin/q && printf '#!/bin/p' > /m/bin/start && chmod +x /m/bin/start
FROM busybox
COPY --from=a /m /
ENTRYPOINT ["/bin/start"]
CMD ["/bin/q", "/bin/p"]
`
  const { code, stderr } = await attack(mode, dockerfile, ['--sbom', 'true', '--test', 'test -p /bin/p'])
  expect(code, stderr).toBe(0)
})

const REFUSED: readonly (readonly [what: string, lines: string, said: RegExp])[] = [
  ['WORKDIR at a pipe', 'RUN mkfifo /w\nWORKDIR /w', /"\/w" is not a folder/],
  ['WORKDIR below a device', 'RUN mknod /w c 1 3 || mkfifo /w\nWORKDIR /w/v', /"\/w" is not a folder/],
  ['COPY to below a pipe', 'RUN mkfifo /w\nCOPY x /w/x', /"\/w" is not a folder/],
  ['a mount below a pipe', 'RUN mkfifo /w\nRUN --mount=type=secret,id=s,target=/w/x true', /"\/w" is not a folder/],
  ['a shell that is a pipe', 'RUN mkdir /w && mkfifo /w/sh\nSHELL ["/w/sh"]\nRUN true', /permission denied/i],
  ['a shell that is a link outwards', 'RUN ln -s @/full /sh\nSHELL ["/sh"]\nRUN true', /no such file/i],
  [
    'a mount of a link to a pipe outside',
    'RUN ln -s @/pipe /p\nFROM busybox\nRUN --mount=from=a,source=/p,target=/q true',
    /no such file or folder/,
  ],
  [
    'a cache that starts with a pipe',
    'RUN mkfifo /p\nFROM busybox\nRUN --mount=type=cache,from=a,source=/p,target=/q true',
    /no such folder/,
  ],
  [
    // What runtimes hide of /proc they cover with its null
    'a mount in the place of /dev',
    'RUN mkdir /m && ln -s /proc/keys /m/null\nFROM busybox\nRUN --mount=from=a,source=/m,target=/dev true',
    /\/dev is the container's own/,
  ],
  [
    'hosts that go round in circles',
    'RUN mkdir /e && ln -s hosts /e/hosts\nFROM scratch\nCOPY --from=busybox /bin /bin\nCOPY --from=a /e /etc\nRUN true',
    /too many symbolic links/,
  ],
]

test.concurrent.each(REFUSED.flatMap((row) => MODES.map((mode) => [row[0], mode, row] as const)))(
  '%s is refused (%s)',
  async (_, mode, [, lines, said]) => {
    const { code, stderr } = await attack(mode, `FROM busybox AS a\n${lines}\n`, ['--secret', 'id=s,env=HOME'])
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(said)
    expect(stderr).toMatch(/at .*Dockerfile:\d/)
  },
)

const BARE = 'FROM scratch\nCOPY --from=busybox /bin /bin\nCOPY --from=a /m /\n'
// Runtimes look their path up again in what they mounted
const PLANT = 'RUN mkdir -p /m/c /m/proc /m/sys && ln -s @/d /m/dev && ln -s / /m/l && ln -s / /m/c/l'
const OVER = '--mount=from=a,source=/m,rw,target='

/** Runtimes write to /dev: it must be the container's own, whatever is mounted on what. */
const ROOTS: readonly (readonly [what: string, dockerfile: string, said: RegExp])[] = [
  ...['proc', 'sys', 'dev'].map(
    (name) =>
      [
        `/${name} that is a link outwards`,
        `FROM busybox AS a\nRUN mkdir /m && ln -s @/d /m/${name}\n${BARE}RUN true\n`,
        new RegExp(`Cannot run in this image: its /${name} is not a folder`),
      ] as const,
  ),
  ...(
    [
      ['a link to the root', 'RUN ln -s / /l', `${OVER}/l`],
      ['a link to itself as the root', 'RUN ln -s /proc/self/root /l', `${OVER}/l`],
      ['the root of a process', '', `${OVER}/proc/self/root`],
      ['a link through the folder of devices', 'RUN ln -s /dev/.. /l', `${OVER}/l`],
      [
        'a link through a link of the kernel',
        'RUN ln -s /sys/devices/virtual/net/lo/subsystem/../../.. /l',
        `${OVER}/l`,
      ],
      [
        'a link to the root in a cache',
        'RUN --mount=type=cache,target=/c ln -sfn / /c/l',
        `--mount=type=cache,target=/c ${OVER}/c/l`,
      ],
    ] as const
  ).map(
    ([what, line, mounts]) =>
      [
        `a mount on ${what}`,
        `FROM busybox AS a\n${PLANT}\nFROM busybox\n${line}\nRUN ${mounts} true\n`,
        /Cannot mount on "[^"]*": it leads (to the root of the image|into \/proc|through \/sys)/,
      ] as const,
  ),
]
test.concurrent.each(ROOTS.flatMap(([what, ...row]) => MODES.map((mode) => [what, mode, row] as const)))(
  '%s is refused (%s)',
  async (_, mode, [dockerfile, said]) => {
    const { code, stderr } = await attack(mode, dockerfile)
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(said)
    expect(stderr).toMatch(/at .*Dockerfile:\d/)
  },
)

test.each(MODES)('--test does not wait for users that are a pipe (%s)', async (mode) => {
  const dockerfile = 'FROM busybox\nRUN rm -f /etc/passwd && mkfifo /etc/passwd\n'
  const { code, stderr } = await attack(mode, dockerfile, ['--test', 'true'])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain("Cannot use the image's /etc/passwd: it is neither a file nor a folder")
})
