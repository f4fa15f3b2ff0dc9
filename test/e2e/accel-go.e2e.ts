import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from './support/accelerated.ts'
import { writeFiles } from './support/context.ts'
import { root } from './support/places.ts'
import { toolchainBase } from './support/toolchains.ts'
import { xbuild, type Ended } from './support/xbuild.ts'

const { missing, folder, store, way, out, expectEqual, ...native } = await accelerated('native Go toolchain')

const NAMES = ['go-compile', 'go-asm', 'go-link', 'go-cgo']

describe.skipIf(missing)('the Go toolchain for emulated steps', () => {
  let golang: string
  const ends: Record<string, Ended> = {}
  const build = (context: string, ...more: string[]) => native.build({ golang }, context, ...more)

  beforeAll(async () => {
    golang = await toolchainBase('golang', ['arm64'])
    await native.makePacks(...NAMES.map((name) => `${name}@1.24`), 'gcc@14', 'cc1@14', 'as')
    // Only the module itself is built both ways: what it takes of the library comes from the stage before, whose step
    // is in the cache
    for (const mode of ['require', 'off']) {
      const metadata = ['--metadata-file', join(folder, `${mode}.json`)]
      const context = join(root, 'test/fixtures/accel-go')
      ends[mode] = await build(context, `--build-arg=WAY=${mode}`, ...metadata, ...way(mode))
    }
  }, 1_200_000)

  test('builds run compiler, assembler, linker and cgo from packs', () => {
    expect(ends['require']!.code, ends['require']!.stderr).toBe(0)
    for (const name of [...NAMES, 'cc1'])
      expect(ends['require']!.stderr).toMatch(new RegExp(`linux/arm64 ran natively: ${name} \\(`))
    expect(ends['require']!.stderr).toMatch(/linux\/arm64 +cross /)
    expect(ends['off']!.code, ends['off']!.stderr).toBe(0)
    expect(ends['off']!.stderr).not.toContain('ran natively')
    expect(ends['off']!.stderr).toMatch(/go build runtime\/cgo syscall\n#\d+ CACHED/)
  })

  test('programs, messages and the whole build cache are equal to those of plain QEMU, byte by byte', async () => {
    await expectEqual('require', 'off', '--brief')
  })

  test('the metadata names the packs of each platform, also of steps that come from the cache', async () => {
    const packs = (mode: string) =>
      (
        JSON.parse(readFileSync(join(folder, `${mode}.json`), 'utf8'))['xbuild.packs'] as {
          platform: string
          name: string
          digest: string
        }[]
      ).map(({ platform, name, digest }) => `${platform} ${name} ${digest}`)
    expect(packs('require')).toContainEqual(
      expect.stringMatching(/^linux\/arm64 go-compile \(golang-1\.24 [^ ]+\) sha256:[0-9a-f]{64}$/),
    )
    expect(packs('require').map((pack) => pack.split(' ')[1])).toEqual(
      expect.arrayContaining(['as', 'cc1', 'gcc', 'go-asm', 'go-cgo', 'go-compile', 'go-link']),
    )
    // The library was made before, with packs
    expect(packs('off')).toContainEqual(expect.stringContaining('go-compile'))
  })

  test('du shows packs, and prune keeps them unless all is to go', async () => {
    const shown = async () =>
      (
        JSON.parse((await xbuild(['du', '--json', '--filter', 'type=pack'], { store })).stdout) as {
          items: { description: string; reclaimable: boolean }[]
        }
      ).items
    expect(await shown()).toContainEqual(
      expect.objectContaining({
        description: expect.stringMatching(/^go-link \(golang-1\.24 .+\) for linux\/arm64$/) as unknown,
        reclaimable: false,
      }),
    )
  })

  test('the module itself was built: the comparison is not one of failures', () => {
    const read = (name: string) => readFileSync(join(out('require'), name))
    expect(read('said.txt').toString()).toBe('3 true\n3 true\n2 true\n')
    for (const program of ['plain', 'stripped', 'mixed']) expect(read(program).readUInt16LE(18)).toBe(0xb7)
    expect(read('broken.txt').toString()).toMatch(/undefined: unknown\nstatus 1\n$/)
    expect(read('tools/versions.txt').toString()).toMatch(/^compile version go1\.\d+\.\d+\n/)
    expect(read('cache/content.txt').toString().split('\n').length).toBeGreaterThan(20)
    const architecture = (name: string) =>
      /^!<arch>\n[^]{0,80}go object linux (\w+) /.exec(read(`tools/${name}`).toString('latin1'))?.[1]
    expect(['unset.a', 'empty.a', 'amd64.a', 'response.a'].map(architecture)).toEqual([
      'arm64',
      'arm64',
      'amd64',
      'riscv64',
    ])
    expect(readdirSync(join(out('require'), 'tools'))).toContain('double.o')
  })

  test('a Go of another build has no twin: it runs emulated with the reason, and require refuses', async () => {
    // Its build ID is the digest of its content: another one is another program
    const dockerfile = `FROM golang
WORKDIR /work
RUN compile=$(go env GOTOOLDIR)/compile && id=$(go tool buildid "$compile") \\
 && at=$(grep -abo -m1 -F "$id" "$compile" | head -1 | cut -d: -f1) && printf AAAA | dd of="$compile" bs=1 seek=$((at + \${#id} - 4)) conv=notrunc
RUN printf 'package a\\n' >a.go && "$(go env GOTOOLDIR)/compile" -p a -o a.a a.go && cp "$(go env GOTOOLDIR)/asm" /usr/bin/link && link -V
`
    const context = writeFiles(join(folder, 'other'), { Dockerfile: dockerfile })
    const refused = await build(context, '--accel=require')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      /Cannot build with --accel=require: \/usr\/lib\/go-1\.\d+\/pkg\/tool\/linux_arm64\/compile runs emulated on linux\/arm64: .*another build-id/,
    )
    const { code, stderr } = await build(context)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/warning: .*compile runs emulated on linux\/arm64: .*another build-id/)
    expect(stderr).not.toContain('ran natively: go-compile (')
    expect(stderr).toMatch(/link version go1\.\d+/)
    expect(stderr).toContain('ran natively: go-asm (')
  })

  test("a program that only has the name of a Go tool is nobody's twin, and no trouble", async () => {
    const context = writeFiles(join(folder, 'stranger'), {
      Dockerfile: 'FROM golang\nRUN echo one >/one && link /one /two\n',
    })
    const { code, stderr } = await build(context, '--accel=require')
    expect(code, stderr).toBe(0)
    expect(stderr).not.toContain('runs emulated')
  })

  test('verify takes no notice of what Go counts for itself, and finds steps equal', async () => {
    const dockerfile = `FROM golang
ENV GOCACHE=/cache
RUN printf 'package a\\nfunc F() int { return 1 }\\n' >/a.go && "$(go env GOTOOLDIR)/compile" -p a -o /a.a /a.go && go version >/version
`
    const { code, stderr } = await build(
      writeFiles(join(folder, 'verify'), { Dockerfile: dockerfile }),
      '--accel=verify',
    )
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('ran natively: go-compile (')
  })
})
