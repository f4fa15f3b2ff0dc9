import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cacheFolder } from '../conformance/support/places.ts'
import { removeLeftovers, startDocker, type Docker } from '../support/docker.ts'
import { dockerRoot } from '../support/docker-root.ts'
import { writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { program, tempFolder } from './support/places.ts'
import { copyPacks, toolchainBase, whyNoToolchains } from './support/toolchains.ts'
import { xbuild, type RunOptions } from './support/xbuild.ts'

const folder = tempFolder()
const missing = process.getuid?.() === 0 ? await whyNoToolchains() : 'the engine is started as root'
if (missing) console.warn(`Skipped: native toolchains on a Docker node: ${missing}`)

const PACKS = ['cc1', 'cc1plus', 'lto1', 'as']

const SOURCE =
  'int printf(const char *, ...);\nint numbers[64];\nint main(int count, char **words) { for (int i = 0; i < 64; i++) numbers[i] = i * count; printf("%s %d\\n", words[0], numbers[7]); return 0; }\n'
const SHAPES =
  'struct Shape { virtual int sides() const { return 0; } virtual ~Shape() = default; };\nstruct Square : Shape { int sides() const override { return 4; } };\nint main() { Square s; const Shape &shape = s; return shape.sides() - 4; }\n'

/**
 * Compilers as root and as somebody else, in each way that RUN can be written; the process list tells which program a
 * compiler is.
 */
const DOCKERFILE =
  `# escape=\`
FROM --platform=$BUILDPLATFORM busybox AS native
RUN echo "here: $(ls /dev/.xbuild 2>&1)"
FROM toolchain AS build
WORKDIR /src
RUN chmod 777 .
COPY --from=native /bin/busybox /busybox
COPY *.c *.cc ./
USER nobody
RUN gcc -O2 -g -flto numbers.c -o numbers && ` +
  '`\n    # a comment\n    ./numbers\n' +
  `run ["g++", "-O1", "shapes.cc", "-o", "shapes"]
RUN <<END
mkfifo source
$(gcc -print-prog-name=cc1) -quiet source -o said.s &
sleep 1
echo "cc1 is $(tr '\\0' ' ' </proc/$!/cmdline)"
echo "int said;" >source
wait
rm source
END
ONBUILD RUN make
CMD ["/src/numbers"]
`

describe.skipIf(missing !== undefined)('native toolchains on a Docker node', () => {
  let docker: Docker
  let work: string
  let toolchain: string
  let busybox: string
  const store = join(folder, 'store')
  const context = writeFiles(join(folder, 'context'), {
    Dockerfile: DOCKERFILE,
    'numbers.c': SOURCE,
    'shapes.cc': SHAPES,
  })

  const build = (args: readonly string[], options: RunOptions & { packs?: boolean; in?: string } = {}) => {
    const config = writeFiles(join(folder, 'config'), {
      [`${options.packs ?? true}.yaml`]: `nodes:\n  engine: {endpoint: 'unix://${docker.socket}', packs: ${options.packs ?? true}}\n`,
    })
    return xbuild(
      [
        '--progress=plain',
        '--config',
        join(config, `${options.packs ?? true}.yaml`),
        '--builder=engine',
        '--platform=linux/arm64',
        '--network=none',
        '--build-context',
        `toolchain=oci-layout://${toolchain}`,
        '--build-context',
        `busybox=oci-layout://${busybox}`,
        ...args,
        options.in ?? context,
      ],
      { store, ...options, env: { SOURCE_DATE_EPOCH: '1000000000', ...options.env } },
    )
  }
  const qemu = (...args: string[]) => docker.onItsMachine(process.execPath, program, 'qemu', ...args)

  beforeAll(async () => {
    const cache = await cacheFolder()
    removeLeftovers(cache)
    work = join(cache, `work-${process.pid}`)
    toolchain = await toolchainBase('toolchain', ['arm64'])
    busybox = await baseLayout('busybox')
    mkdirSync(store)
    await copyPacks(
      PACKS.map((name) => (name === 'as' ? name : `${name}@14`)),
      store,
    )
    docker = await startDocker(await dockerRoot(cache), work, { ownHandlers: true })
  }, 1_200_000)
  afterAll(async () => {
    await docker?.stop()
    if (work) rmSync(work, { recursive: true, force: true })
  })

  test('without the handler there is a warning and plain emulation, or an error when twins are required', async () => {
    expect((await qemu('install', 'arm64')).code).toBe(0)
    const small = writeFiles(join(folder, 'small'), { Dockerfile: 'FROM scratch\nRUN ["/nothing"]\n' })
    const auto = await build([], { in: small })
    expect(auto.stderr).toMatch(
      /warning: Native toolchains are not used on engine: its arm64 programs go to an emulator without the handler \(xbuild qemu install --packs arm64/,
    )
    const required = await build(['--accel=require'], { in: small })
    expect(required.code).toBe(1)
    expect(required.stderr).toMatch(
      /error: Cannot use native toolchains on engine: its arm64 programs go to an emulator without the handler/,
    )
    const plain = await build(['--accel=require'], { in: small, packs: false })
    expect(plain.stderr).toMatch(/error: Cannot use native toolchains on engine: it was defined without packs/)
  })

  test('the handler is registered with --packs, and status says so', async () => {
    const { code, stdout, stderr } = await qemu('install', '--packs', 'arm64')
    expect(code, stdout + stderr).toBe(0)
    expect((await qemu('status', 'arm64')).stdout).toMatch(
      /\/var\/lib\/xbuild\/packs\/qemu\/arm64-[0-9a-f]+ [\d.]+ with the handler of packs +xbuild/,
    )
  })

  test('compilers run from packs, and the image is the same to the last bit', async () => {
    const metadata = join(folder, 'metadata.json')
    const packed = await build(['--accel=require', '--metadata-file', metadata])
    expect(packed.code, packed.stderr).toBe(0)
    expect(packed.stderr).toMatch(
      /cc1 is \/dev\/\.xbuild\/packs\/[0-9a-f]{64}\/lib\/ld\.so .*\/bin\/cc1 .*-quiet source/,
    )
    expect(packed.stderr).toContain('here: ls: /dev/.xbuild: No such file or directory')
    expect(packed.stderr).toMatch(/linux\/arm64 +cross on engine/)
    for (const name of PACKS)
      expect(packed.stderr).toMatch(
        new RegExp(`linux/arm64 could run natively on engine: ${name} \\(.*, pack [0-9a-f]{12}\n`),
      )
    // Steps are called what their author wrote
    expect(packed.stderr).not.toContain('--mount=')
    const plain = await build(['--accel=off'])
    expect(plain.code, plain.stderr).toBe(0)
    expect(plain.stderr).toMatch(/cc1 is \S*qemu\S* /)
    expect(plain.stderr).toMatch(/linux\/arm64 +emulate on engine/)
    expect(plain.stderr).not.toContain('natively')
    // Files, config and history
    expect(packed.stdout).toBe(plain.stdout)
    expect(readFileSync(metadata, 'utf8')).toContain(plain.stdout.trim())
  })

  test('what is in the cache was not run from packs; a RUN that fails is the one of its line', async () => {
    const again = await build([])
    expect(again.stderr).toMatch(/RUN gcc[^\n]*\n(?:.*\n)*?#\d+ CACHED/)
    expect(again.stderr).not.toContain('natively')
    const failing = writeFiles(join(folder, 'failing'), {
      Dockerfile: 'FROM toolchain\n\nRUN true && \\\n  echo "int x = ;" | gcc -c -x c -\n',
    })
    const { code, stderr } = await build([], { in: failing })
    expect(code).toBe(1)
    expect(stderr).toMatch(/<stdin>:1:9: error: expected expression/)
    expect(stderr).toMatch(/at .*failing\/Dockerfile:3/)
    expect(stderr).not.toContain('--mount=')
  })

  test('engines that take no named contexts are refused', async () => {
    const { code, stderr } = await build([], { env: { DOCKER_BUILDKIT: '0' } })
    expect(code).toBe(2)
    expect(stderr).toMatch(/error: Cannot give packs to node "engine": it builds without BuildKit/)
  })

  test('the node tells what it would start natively', async () => {
    const shown = await xbuild(['node', 'inspect', 'engine', '--config', join(folder, 'config/true.yaml')], { store })
    expect(shown.stdout).toMatch(
      /linux\/arm64: +runs under .*; natively where a step starts them: .*cc1 \(gcc-14 .*\) [0-9a-f]{12}/,
    )
    const planned = await build(['--accel=auto'], {}).then(() =>
      xbuild(
        [
          'plan',
          '--config',
          join(folder, 'config/true.yaml'),
          '--builder=engine',
          '--platform=linux/arm64',
          '--build-context',
          `toolchain=oci-layout://${toolchain}`,
          '--build-context',
          `busybox=oci-layout://${busybox}`,
          context,
        ],
        { store },
      ),
    )
    expect(planned.stdout).toMatch(/runs natively where a step starts them: .*cc1 \(/)
  })
})
