import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from './support/accelerated.ts'
import { writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { root } from './support/places.ts'
import { toolchainBase } from './support/toolchains.ts'
import { runOk, xbuild, type Ended } from './support/xbuild.ts'

const { missing, folder, store, way, out, expectEqual, ...native } = await accelerated('native toolchains')
const user = ordinaryUser(folder)

/** Everything is tried by `npm run test:accel-architectures`: under QEMU it takes minutes. */
const TRIED = ['debug', 'lto', 'shapes', 'broken']

const NAMES = ['gcc', 'g++', 'cc1', 'cc1plus', 'lto1', 'as', 'ar', 'ranlib']

describe.skipIf(missing)('native toolchains for emulated steps', () => {
  let toolchain: string
  let busybox: string
  const ends: Record<string, Ended> = {}

  const build = (context: string, ...more: string[]) => native.build({ toolchain, busybox }, context, ...more)
  const packs = () => readdirSync(join(store, 'packs')).filter((name) => /^[0-9a-f]{64}$/.test(name))
  /** How stages were built comes into a file of its own. */
  const told = (name: string) => [
    '--provenance=mode=min,inline-only=true',
    '--metadata-file',
    join(folder, `${name}.json`),
  ]
  const stages = (name: string): { stage: string; strategy: string; packs?: { name: string }[] }[] =>
    JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))['buildx.build.provenance'].invocation.environment
      .xbuild.stages
  const context = (name: string, dockerfile: string) => writeFiles(join(folder, name), { Dockerfile: dockerfile })

  beforeAll(async () => {
    toolchain = await toolchainBase('toolchain', ['arm64'])
    busybox = await baseLayout('busybox')
    await native.makePacks('gcc@14', 'g++@14', 'cc1@14', 'cc1plus@14', 'lto1@14', 'as', 'ar', 'ranlib')
    await Promise.all(
      ['auto', 'off'].map(async (mode) => {
        const only = `--build-arg=ONLY=${TRIED.join(' ')}`
        ends[mode] = await build(join(root, 'test/fixtures/accel'), only, '--no-cache', ...way(mode), ...told(mode))
      }),
    )
  }, 1_200_000)

  test('builds run compilers, assembler and link-time optimizer from packs', () => {
    expect(ends['auto']!.code, ends['auto']!.stderr).toBe(0)
    for (const name of NAMES) expect(ends['auto']!.stderr).toContain(`linux/arm64 ran natively: ${name} (`)
    expect(ends['off']!.code, ends['off']!.stderr).toBe(0)
    expect(ends['off']!.stderr).not.toContain('ran natively')
  })

  test('provenance names the packs by stage, with their sources and digests', () => {
    const found = stages('auto').flatMap(({ packs = [] }) => packs)
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(NAMES))
    for (const pack of found)
      expect(pack).toMatchObject({
        source: {
          name: expect.stringMatching(NAMES.includes(pack.name) ? /^(gcc|binutils)/ : /./),
          version: expect.stringMatching(/^\d/),
        },
        digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      })
    for (const { strategy, packs } of stages('auto')) if (packs) expect(strategy).toBe('cross')
    expect(stages('off').every(({ packs }) => packs === undefined)).toBe(true)
  })

  test('what they write, and how other programs behave, is equal to plain QEMU file by file', async () => {
    await expectEqual('auto', 'off', '--brief')
    expect(filesIn(out('auto'))).toBeGreaterThan(20)
  })

  test('the project itself was built: the comparison is not one of failures', () => {
    const said = (name: string) => readFileSync(join(out('auto'), name, 'said.txt'), 'utf8')
    for (const name of ['debug', 'lto']) {
      expect(said(name)).toMatch(/program \/src\/numbers\.c \d+\.\d+\nstatus 0\n$/)
      expect(readFileSync(join(out('auto'), name, 'program')).readUInt16LE(18)).toBe(0xb7)
    }
    expect(said('shapes')).toMatch(/4 caught\nstatus 0\n$/)
    expect(said('broken')).toMatch(/error: .*unknown[^]*status 1\n$/)
    const behaviour = readFileSync(join(out('auto'), 'behave/cc1.txt'), 'utf8')
    expect(behaviour).toContain('exe /tmp/b/cc1 secure 0 execfn')
    expect(behaviour).toContain('argument 1 <two words>\nargument 2 <>\nargument 3 <*>')
    expect(behaviour).toMatch(/status 7\n/)
    expect(behaviour).toMatch(/status 139\n/)
  })

  test('a step made with packs is the step made without them in the cache', async () => {
    const { code, stderr } = await build(
      join(root, 'test/fixtures/accel'),
      '--accel=off',
      '--build-arg',
      `ONLY=${TRIED.join(' ')}`,
    )
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/RUN sh behave\.sh\n#\d+ CACHED/)
  })

  test('a compiler that comes in the same RUN is found, and --accel=require asks for it', async () => {
    const dockerfile = `FROM toolchain
RUN mv "$(gcc -print-prog-name=cc1)" /elsewhere
RUN mv /elsewhere "$(dirname "$(gcc -print-prog-name=collect2)")/cc1" && echo "int answer(void) { return 42; }" >/a.c && gcc -O2 -c /a.c -o /a.o
`
    const { code, stderr } = await build(context('same-run', dockerfile), '--accel=require', ...told('first'))
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('ran natively: cc1 (')
    await build(context('same-run', dockerfile), '--accel=off', ...told('cached'))
    expect(stages('cached')).toEqual(stages('first'))
    expect(stages('cached')[0]).toMatchObject({
      strategy: 'cross',
      packs: expect.arrayContaining([expect.objectContaining({ name: 'cc1' })]),
    })
  })

  test('a compiler of another build has no twin: it runs emulated with the reason, and require refuses', async () => {
    const dockerfile = `FROM toolchain
WORKDIR /work
RUN cc1=$(gcc -print-prog-name=cc1) && objcopy --dump-section .note.gnu.build-id=id "$cc1" /dev/null \\
 && printf '\\377\\376' | dd of=id bs=1 seek=20 conv=notrunc && objcopy --update-section .note.gnu.build-id=id "$cc1"
RUN echo "int answer(void) { return 42; }" >a.c && gcc -O2 -c a.c
`
    const folder = context('other', dockerfile)
    const refused = await build(folder, '--accel=require')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      /Cannot build with --accel=require: \/usr\/libexec\/gcc\/aarch64-linux-gnu\/\d+\/cc1 runs emulated on linux\/arm64: .*another build-id/,
    )
    const { code, stderr } = await build(folder)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/warning: .*cc1 runs emulated on linux\/arm64: .*another build-id/)
    expect(stderr).not.toContain('ran natively: cc1 (')
    expect(stderr).toContain('ran natively: as (')
  })

  test('a driver that is asked for its version answers natively, in the same words', async () => {
    const asked = ['gcc --version', 'c++ --version', 'cc -dumpmachine', 'gcc -dumpversion', 'g++ -dumpfullversion']
    const dockerfile = `FROM toolchain AS asked\nRUN (${asked.join(' && ')}) >/said\nFROM scratch\nCOPY --from=asked /said /\n`
    const said = async (mode: string) => {
      const file = join(folder, `versions-${mode}.json`)
      const out = join(folder, `versions-${mode}`)
      const more = ['--no-cache', `--accel=${mode}`, '--metadata-file', file, '-o', `type=local,dest=${out}`]
      const { code, stderr } = await build(context('versions', dockerfile), ...more)
      expect(code, stderr).toBe(0)
      const [starts] = JSON.parse(readFileSync(file, 'utf8'))['xbuild.starts'] ?? []
      const programs: { program: string; emulated: number }[] = starts?.programs ?? []
      return {
        text: readFileSync(join(out, 'said'), 'utf8'),
        drivers: programs.filter(({ program }) => /(?:cc|\+\+)$/.test(program)),
      }
    }
    const { text, drivers } = await said('auto')
    expect(text).toContain('aarch64-linux-gnu\n14\n14.')
    expect(drivers.length).toBeGreaterThan(0)
    expect(drivers.filter(({ emulated }) => emulated > 0)).toEqual([])
    expect((await said('off')).text).toBe(text)
  })

  test('verify runs steps both ways', async () => {
    const dockerfile =
      'FROM toolchain\nRUN echo "int answer(void) { return 42; }" >/a.c && gcc -O2 -g -c /a.c -o /a.o && date +%N >/time\n'
    const { code, stderr } = await build(context('verify', dockerfile), '--accel=verify')
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('ran natively: cc1 (')
    expect(await leftovers(store)).toEqual(CLEAN)
  })

  test('a pack that was damaged is not used, and made again', async () => {
    const dockerfile = 'FROM toolchain\nRUN echo ".byte 1" | as -o /one.o -\n'
    // The store is kept: an older xbuild may have left one, too
    const damaged = packs().filter((name) => existsSync(join(store, 'packs', name, 'bin/aarch64-linux-gnu-as')))
    for (const name of damaged) appendFileSync(join(store, 'packs', name, 'lib/libz.so.1'), 'x')
    const { code, stderr } = await build(context('damaged', dockerfile), '--accel=require', '--no-cache')
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('native toolchain, made once: assembler')
    expect(stderr).toContain('ran natively: as (')
    const { stdout } = await xbuild(['pack', 'ls', '--json'], { store })
    const [made] = (JSON.parse(stdout) as { name: string; digest: string }[]).filter(({ name }) =>
      name.startsWith('as '),
    )
    expect(damaged).toContain(made?.digest.replace('sha256:', ''))
  })

  test('an ordinary user has them, too', async () => {
    const given = {
      base: await user.give(toolchain, 'toolchain'),
      context: await user.give(
        context(
          'rootless',
          'FROM toolchain\nRUN echo "int answer(void) { return 42; }" >/a.c && gcc -O2 -c /a.c -o /a.o\n',
        ),
        'context',
      ),
    }
    const own = join(user.home, '.local/share/xbuild')
    await runOk('mkdir', ['-p', own])
    await runOk('cp', ['-r', join(store, 'packs'), join(own, 'packs')])
    if (process.getuid?.() === 0) await runOk('chown', ['-R', `--reference=${user.home}`, join(user.home, '.local')])
    const { code, stderr } = await user.xbuild([
      '--platform',
      'linux/arm64',
      '--accel=require',
      '--build-context',
      `toolchain=oci-layout://${given.base}`,
      given.context,
    ])
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('ran natively: cc1 (')
    expect(await leftovers(own)).toEqual(CLEAN)
  })
})

function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
}
