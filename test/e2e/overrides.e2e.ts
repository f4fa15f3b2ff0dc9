import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { runImage, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { xbuild, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
let count = 0
let base: string

beforeAll(async () => {
  base = `oci-layout://${await baseLayout('busybox')}`
})

interface Built extends Ended {
  readonly out: string
  readonly platforms: () => string[]
}

/** Builds a context with an xbuild.yaml in it, started there. */
async function build(
  files: Readonly<Record<string, string>>,
  { args = [], command = [] }: { readonly args?: readonly string[]; readonly command?: readonly string[] } = {},
): Promise<Built> {
  const context = writeFiles(join(folder, `case-${++count}`), files)
  const out = join(folder, `out-${count}`)
  const ended = await xbuild(
    [
      ...command,
      '--build-context',
      `busybox=${base}`,
      ...(command.length > 0 ? [] : ['-o', `type=oci,dest=${out}`]),
      ...args,
      '.',
    ],
    { store, cwd: context },
  )
  return { ...ended, out, platforms: () => platformsOf(out) }
}

function platformsOf(layout: string): string[] {
  const read = (digest: string) =>
    JSON.parse(readFileSync(join(layout, 'blobs', ...digest.split(':')), 'utf8')) as {
      manifests?: { platform: { architecture: string } }[]
    }
  const top = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] }
  return read(top.manifests[0]!.digest).manifests!.map(({ platform }) => platform.architecture)
}

const TWO = `FROM busybox AS full
ARG FLAVOUR=plain
COPY note.txt /note
RUN echo "full $FLAVOUR" > /flavour
FROM busybox AS small
ARG FLAVOUR=plain
RUN echo "small $FLAVOUR" > /flavour
FROM full
`

describe('platforms of xbuild.yaml', () => {
  test('are built each in its own way, into one index', async () => {
    const files = {
      Dockerfile: TWO,
      'Dockerfile.arm': 'FROM distroless\nCOPY . /\nRUN echo "its own file" > /flavour\n',
      'Dockerfile.arm.dockerignore': '*\n!note.txt\n',
      'note.txt': 'a note\n',
      'other.txt': 'not for arm\n',
      'xbuild.yaml': `platforms:
  linux/amd64:
    target: small
    args: {FLAVOUR: vanilla}
  linux/arm64:
    dockerfile: Dockerfile.arm
    base:
      distroless: ${base}
  linux/arm/v7:
build-args: {FLAVOUR: general}
`,
    }
    const built = await build(files, { args: ['--config', 'xbuild.yaml'] })
    expect(built.code, built.stderr).toBe(0)
    expect(built.platforms()).toEqual(['amd64', 'arm64', 'arm'])
    const flavour = async (platform: string) =>
      (await runImage(built.out, platform, ['/bin/sh', '-c', 'cat /flavour; ls /note* /other* 2>/dev/null'])).stdout
    expect(await flavour('linux/amd64')).toBe('small vanilla\n')
    expect(await flavour('linux/arm64')).toBe('its own file\n/note.txt\n')
    expect(await flavour('linux/arm/v7')).toBe('full general\n/note\n')
  })

  test('yield to the command line', async () => {
    const files = {
      Dockerfile: TWO,
      'note.txt': '',
      'xbuild.yaml': 'platforms:\n  linux/amd64: {target: small, args: {FLAVOUR: file}}\n  linux/arm64:\n',
    }
    const built = await build(files, {
      args: ['--platform', 'linux/amd64', '--target', 'full', '--build-arg', 'FLAVOUR=line'],
    })
    expect(built.code, built.stderr).toBe(0)
    expect((await runImage(built.out, 'linux/amd64', ['/bin/cat', '/flavour'])).stdout).toBe('full line\n')
  })

  test('are in the plan', async () => {
    const { stdout, stderr, code } = await build(
      {
        Dockerfile: TWO,
        'note.txt': '',
        'xbuild.yaml':
          'platforms:\n  linux/amd64:\n  linux/arm64: {target: small, timeout: 20m, optional: true, args: {FLAVOUR: x}}\n',
      },
      { command: ['plan'] },
    )
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('with target small, args FLAVOUR, timeout 1200 s, optional')
  })

  test.each([
    [
      'a file that is not there',
      'platforms:\n  linux/amd64:\n  linux/arm64:\n    dockerfile: Dockerfile.no\n',
      4,
      /Cannot read the Dockerfile ".*Dockerfile\.no": no such file/,
    ],
    [
      'a stage that is not there',
      'platforms:\n  linux/arm64:\n    target: smal\n',
      3,
      /Cannot find target stage "smal"[^]*small/,
    ],
    [
      'a base that no FROM names',
      'platforms:\n  linux/arm64:\n    base: {busibox: debian}\n',
      3,
      /Cannot replace the base image "busibox": no FROM in Dockerfile names it/,
    ],
    [
      'an unknown key',
      'platforms:\n  linux/arm64:\n    targt: small\n',
      3,
      /Cannot use key "targt" of platform "linux\/arm64": unknown[^]*Did you mean "target"/,
    ],
    ['an unknown platform', 'platforms:\n  linux/amd65: {}\n', 2, /unknown architecture "amd65"[^]*amd64/],
    ['the same platform twice', 'platforms:\n  linux/arm64: {}\n  linux/arm64/v8: {}\n', 3, /it is given twice/],
    ['a timeout that is none', 'platforms:\n  linux/arm64: {timeout: soon}\n', 2, /not a duration/],
    ['a base that is no image', 'platforms:\n  linux/arm64: {base: {busybox: "git://x"}}\n', 2, /it is not an image/],
  ])('that name %s are refused with the line', async (_name, yaml, line, said) => {
    const { code, stderr, stdout } = await build({ Dockerfile: TWO, 'note.txt': '', 'xbuild.yaml': yaml })
    expect(code, stderr).not.toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toMatch(said)
    expect(stderr).toContain(`xbuild.yaml:${line}`)
  })
})

describe('an optional platform', () => {
  const FAILING = 'FROM busybox\nARG TARGETARCH\nRUN test "$TARGETARCH" != arm64\n'

  test('may fail: the index holds the others, and everybody is told', async () => {
    const metadata = join(folder, 'metadata.json')
    const built = await build(
      { Dockerfile: FAILING, 'xbuild.yaml': 'platforms: {linux/amd64: {}, linux/arm64: {optional: true}}\n' },
      { args: ['--metadata-file', metadata] },
    )
    expect(built.code, built.stderr).toBe(0)
    expect(built.platforms()).toEqual(['amd64'])
    expect(built.stderr).toMatch(/missing linux\/arm64 \(optional\): .*exit code 1/)
    expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({
      'xbuild.missing': [{ platform: 'linux/arm64', code: 'RUN_FAILED' }],
    })
  })

  test('whose base image lacks it is left out', async () => {
    const built = await build({
      Dockerfile: 'FROM busybox\nRUN true\n',
      'xbuild.yaml': 'platforms:\n  linux/amd64:\n  linux/mips64le: {optional: true}\n',
    })
    expect(built.code, built.stderr).toBe(0)
    expect(built.stderr).toMatch(/missing linux\/mips64le \(optional\)/)
  })

  test('is no excuse for the others, nor for having nothing at all', async () => {
    const other = await build({
      Dockerfile: FAILING,
      'xbuild.yaml': 'platforms: {linux/amd64: {optional: true}, linux/arm64: {}}\n',
    })
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('linux/arm64')
    const all = await build({
      Dockerfile: 'FROM busybox\nRUN false\n',
      'xbuild.yaml': 'platforms: {linux/amd64: {optional: true}, linux/arm64: {optional: true}}\n',
    })
    expect(all.code).toBe(1)
  })
})

describe('limits', () => {
  const SLOW = 'FROM busybox\nARG TARGETARCH\nRUN if test $TARGETARCH = arm64; then sleep 1000; fi\n'

  test('a platform that takes too long is stopped, and its processes with it; the others are built', async () => {
    const built = await build({
      Dockerfile: SLOW,
      'xbuild.yaml': 'platforms: {linux/amd64: {}, linux/arm64: {timeout: 6s, optional: true}}\n',
    })
    expect(built.code, built.stderr).toBe(0)
    expect(built.stderr).toMatch(
      /missing linux\/arm64 \(optional\): Cannot build linux\/arm64: its time limit of 6 s is over/,
    )
    expect(built.platforms()).toEqual(['amd64'])
    expect(await leftovers(store)).toEqual(CLEAN)
  })

  test('--timeout fails the build with the platform that was too slow', async () => {
    const built = await build({ Dockerfile: SLOW }, { args: ['--platform', 'linux/arm64', '--timeout', '5s'] })
    expect(built.code).toBe(1)
    expect(built.stderr).toMatch(/Cannot build linux\/arm64: its time limit of 5 s is over/)
    expect(await leftovers(store)).toEqual(CLEAN)
  })

  test('--silence-timeout stops a step that says nothing, not one that talks', async () => {
    const quiet = await build(
      { Dockerfile: 'FROM busybox\nRUN sleep 1000\n' },
      { args: ['--platform', 'linux/amd64', '--silence-timeout', '2s'] },
    )
    expect(quiet.code).toBe(1)
    expect(quiet.stderr).toMatch(/Cannot finish .*RUN sleep 1000.*: it printed nothing for 2 s/)
    const talking = await build(
      { Dockerfile: 'FROM busybox\nRUN for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.5; done\n' },
      { args: ['--platform', 'linux/amd64', '--silence-timeout', '4s'] },
    )
    expect(talking.code, talking.stderr).toBe(0)
  })

  test('a step that platforms share goes on for the others when one of them is out of time', async () => {
    const dockerfile =
      'FROM --platform=$BUILDPLATFORM busybox AS shared\nRUN sleep 8; echo done > /done\nFROM busybox\nCOPY --from=shared /done /done\n'
    const built = await build({
      Dockerfile: dockerfile,
      'xbuild.yaml': 'platforms: {linux/amd64: {}, linux/arm64: {timeout: 3s, optional: true}}\n',
    })
    expect(built.code, built.stderr).toBe(0)
    expect(built.platforms()).toEqual(['amd64'])
  })
})

test('a folder without xbuild.yaml knows nothing of this', () => {
  const context = join(folder, 'plain')
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\n')
  return expect(xbuild(['plan', '--platform', 'linux/arm64', context], { store })).resolves.toMatchObject({ code: 0 })
})
