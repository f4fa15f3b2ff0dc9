import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from './support/accelerated.ts'
import { writeFiles } from './support/context.ts'
import { root } from './support/places.ts'
import { toolchainBase, toolsBase } from './support/toolchains.ts'
import type { Ended } from './support/xbuild.ts'

const { missing, folder, way, out, expectEqual, ...native } = await accelerated('native tools')

const NAMES = ['apt-get', 'apt-store', 'bzip2', 'cpython', 'dpkg', 'dpkg-deb', 'gzip', 'ninja', 'tar', 'xz', 'zstd']

describe.skipIf(missing)('tools that know no CPU, for emulated steps', () => {
  let bases: Readonly<Record<string, string>>
  const ends: Record<string, Ended> = {}
  const build = (context: string, ...more: string[]) => native.build(bases, context, ...more)

  beforeAll(async () => {
    bases = { tools: await toolsBase(), meson: await toolchainBase('meson', ['arm64']) }
    await Promise.all(
      ['require', 'off'].map(async (mode) => {
        const less = mode === 'off' ? ['--build-arg=LONG=no'] : []
        ends[mode] = await build(join(root, 'test/fixtures/accel-tools'), '--no-cache', ...less, ...way(mode))
      }),
    )
  }, 1_200_000)

  test('builds run them from packs', () => {
    expect(ends['require']!.code, ends['require']!.stderr).toBe(0)
    for (const name of NAMES)
      expect(ends['require']!.stderr).toMatch(new RegExp(`linux/arm64 ran natively: ${name} \\(`))
    expect(ends['off']!.code, ends['off']!.stderr).toBe(0)
    expect(ends['off']!.stderr).not.toContain('ran natively')
  })

  // That byte code and what dpkg, Python and Meson do is equal to plain QEMU, too, the tests of architectures say
  test('installed packages, archives and everything that was said are equal to plain QEMU file by file', async () => {
    await expectEqual('require', 'off', '--brief', '--no-dereference', '--exclude=long')
  })

  test('the work itself was done: the comparison is not one of failures', () => {
    const said = (name: string) => readFileSync(join(out('require'), name), 'utf8')
    expect(said('install/said.txt')).toMatch(
      /Setting up make [^]*status 0\n[^]*Unable to locate package nonsense\nstatus 100\napt 3[^\n]* \(arm64\)\necho made\nmade\n$/,
    )
    expect(said('install/package.txt')).toMatch(/Architecture: arm64\n[^]*\(arm64\)[^]*\narm64\n/)
    expect(said('install/files.txt')).toContain('-rwxr-xr-x 0:0 /usr/bin/make ->')
    expect(said('install/history.txt')).toContain(
      'Commandline: apt-get install -y --no-install-recommends make patch libjansson4\n',
    )
    expect(said('long/dpkg/dpkg.txt')).toMatch(
      /postinst: configure {2}postinst one arm64 1\n[^]*error exit status 3[^]*have been triggered[^]*does not match system \(arm64\)/,
    )
    expect(said('long/dpkg/state/status')).toMatch(/Package: two\nStatus: install ok triggers-pending/)
    expect(said('archives/tar.txt')).toMatch(
      /builder\/builders[^]*user.note="remembered"[^]*Unexpected EOF[^]*unrecognized option '--nonsense'/,
    )
    expect(said('archives/packed.txt')).toMatch(/Unexpected end of input[^]*invalid compressed data/)
    expect(said('archives/sums.txt').split('\n').length).toBeGreaterThan(25)
    expect(said('long/python/said.txt')).toMatch(/SyntaxError[^]*aarch64 linux-aarch64/)
    expect(readFileSync(join(out('require'), 'long/python/ast.cpython-313.pyc')).length).toBeGreaterThan(10_000)
  })

  test('Meson configures, builds and installs a project, and tells the machine of the image', () => {
    const said = (name: string) => readFileSync(join(out('require'), 'long/configured', name), 'utf8')
    expect(said('said.txt').match(/^status .*$/gm)).toEqual(['status 0', 'status 0', 'status 0'])
    expect(said('said.txt')).toMatch(/Message: linux aarch64 aarch64 little aarch64 ä 1 /)
    expect(said('installed/usr/share/told/told')).toContain('commands linux aarch64 aarch64 little 1.2.3\n#undef EMPTY')
    expect(said('installed/usr/share/ü.txt')).toBe('grüße\n')
    expect(said('b/all.txt')).toBe('grüße\n'.repeat(5))
  })

  // Another build-id: the last bytes of the note that holds it
  const rebuilt = (file: string) =>
    `file=$(readlink -f ${file}) && at=$(LC_ALL=C grep -aboP -m1 '\\x14\\x00\\x00\\x00\\x03\\x00\\x00\\x00GNU\\x00' $file | head -1 | cut -d: -f1) && printf '\\377\\376' | dd of=$file bs=1 seek=$((at + 30)) conv=notrunc`

  test('a tool of another build, or with a library of another one, has no twin: it runs emulated, and require does not mind', async () => {
    const dockerfile = `FROM tools
RUN ${rebuilt('/usr/bin/gzip')} && ${rebuilt('/usr/lib/aarch64-linux-gnu/liblzma.so.5')}
RUN echo text | gzip -n | gzip -d && echo text | xz | xz -d && touch /one && tar -cf /one.tar /one
`
    const { code, stderr } = await build(
      writeFiles(join(folder, 'other'), { Dockerfile: dockerfile }),
      '--accel=require',
    )
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/warning: \/usr\/bin\/gzip runs emulated on linux\/arm64: .*another build-id/)
    expect(stderr).not.toContain('ran natively: gzip (')
    expect(stderr).toContain('ran natively: tar (')
  })
})
