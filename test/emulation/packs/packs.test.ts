import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { likeness } from '../../../src/emulation/packs/alike.ts'
import { parseStanzas } from '../../../src/emulation/packs/apt-stanzas.ts'
import { configuredDifferently } from '../../../src/emulation/packs/configured.ts'
import { isCurrent } from '../../../src/emulation/packs/current.ts'
import { configuredWith, readElf } from '../../../src/emulation/packs/elf.ts'
import { parseOsRelease } from '../../../src/emulation/packs/os-release.ts'
import { manifestText, packDigest, rulesText, type PackManifest } from '../../../src/emulation/packs/pack.ts'
import { findPack, listPacks, verifyPack } from '../../../src/emulation/packs/pack-folder.ts'
import {
  matchRecipe,
  neverTwins,
  noTwinBecause,
  programNames,
  readRecipes,
  rulesOf,
} from '../../../src/emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'
import { fused } from '../../support/fused.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-packs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const manifest: PackManifest = {
  format: 1,
  recipe: 'as',
  distribution: 'debian trixie',
  architecture: 'arm64',
  host: 'amd64',
  source: { name: 'binutils', version: '2.44-3' },
  packages: [],
  files: [{ path: 'bin/as', size: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' }], // of "abc"
  twin: { id: '0011223344556677', program: '/usr/bin/as', rules: ['skip @', 'load {pack} as'] },
}

/** A 64-bit little-endian ELF file with these program headers: type, offset, address, size. */
function elf(
  headers: readonly (readonly [type: number, offset: number, address: number, size: number])[],
  size = 4096,
): Buffer {
  const file = Buffer.alloc(size)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file)
  file.writeBigUInt64LE(0x1234n, 24)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(headers.length, 56)
  headers.forEach(([type, offset, address, length], index) => {
    const at = 64 + 56 * index
    file.writeUInt32LE(type, at)
    for (const [place, value] of [
      [8, offset],
      [16, address],
      [24, address],
      [32, length],
      [40, length],
    ] as const)
      file.writeBigUInt64LE(BigInt(value), at + place)
  })
  return file
}

function note(type: number, name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt32LE(4, 0)
  head.writeUInt32LE(content.length, 4)
  head.writeUInt32LE(type, 8)
  return Buffer.concat([head, Buffer.from(name.padEnd(4, '\0')), content])
}

describe('a build-id', () => {
  const withNote = (bytes: Buffer) => {
    const file = elf([[4, 1024, 0, bytes.length]])
    bytes.copy(file, 1024)
    return file
  }

  test.each([
    ['of GNU', note(3, 'GNU', Buffer.from('00112233445566778899', 'hex')), '00112233445566778899'],
    [
      'of Go, its last part',
      note(4, 'Go', Buffer.from('abcd/efgh/ijkl/0123456789_-abcdefgh')),
      'go-0123456789_-abcdefgh',
    ],
    ['of Go, that leads elsewhere', note(4, 'Go', Buffer.from('abcdefgh/..................')), undefined],
    [
      'behind other notes',
      Buffer.concat([note(5, 'GNU', Buffer.alloc(16)), note(3, 'GNU', Buffer.alloc(20, 0xab))]),
      'ab'.repeat(20),
    ],
    ['that is too long', note(3, 'GNU', Buffer.alloc(200, 1)), undefined],
    ['of another kind', note(1, 'GNU', Buffer.alloc(16)), undefined],
  ])('%s', (_, bytes, id) => expect(readElf(withNote(bytes))?.id).toBe(id))

  test.each([
    ['no ELF file', Buffer.from('#!/bin/sh\n'.repeat(10))],
    ['one without end', elf([[4, 4090, 0, 1 << 30]])],
    ['headers outside', elf([], 64)],
  ])('is not found in %s', (_, file) => expect(readElf(file)?.id).toBeUndefined())

  test('is not looked for outside of the file', () => {
    const file = elf([[4, 0, 0, 10]])
    file.writeBigUInt64LE(1n << 62n, 32)
    expect(readElf(file)).toBeUndefined()
  })
})

describe('putting the handler before QEMU', () => {
  const blob = Buffer.alloc(100, 0x90)
  const qemu = elf([
    [1, 0, 0, 4096],
    [1, 0, 0x10000, 0x2345],
    [4, 0x200, 0x200, 32],
    [4, 0x220, 0x220, 32],
  ])

  test('moves the entry point to it, and tells it the way back', () => {
    const made = fused(qemu, blob)
    const address = made.readBigUInt64LE(24)
    expect(address).toBe(0x20000n)
    const header = 64 + 56 * 3
    expect(made.readUInt32LE(header)).toBe(1)
    expect(made.readUInt32LE(header + 4)).toBe(5)
    expect(made.readBigUInt64LE(header + 16)).toBe(address)
    const offset = Number(made.readBigUInt64LE(header + 8))
    expect(address + made.readBigInt64LE(offset + 8)).toBe(0x1234n)
    expect(made.subarray(offset + 16)).toEqual(blob.subarray(16))
    expect(made.subarray(0, 24)).toEqual(qemu.subarray(0, 24))
  })

  test.each([
    ['no 64-bit ELF', Buffer.alloc(4096)],
    ['no note', elf([[1, 0, 0, 4096]])],
    [
      'no note behind the segments',
      elf([
        [4, 0, 0, 32],
        [1, 0, 0, 4096],
      ]),
    ],
    [
      'damaged headers',
      elf([
        [1, 0, 0, 4096],
        [4, 0, 0, 32],
      ]).subarray(0, 150),
    ],
  ])('refuses a program with %s', (_, file) =>
    expect(() => fused(file, blob)).toThrow(/Cannot put the handler before QEMU/),
  )
})

test.each([
  ['ID=debian\nVERSION_CODENAME=trixie\n', { id: 'debian', codename: 'trixie' }],
  ['ID="ubuntu"\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n', { id: 'ubuntu', codename: 'noble' }],
  ["ID='linuxmint'\nUBUNTU_CODENAME=noble\n", { id: 'linuxmint', codename: 'noble' }],
  ['ID=alpine\nVERSION_ID=3.20\n', undefined],
  ['ID=debian\nVERSION_CODENAME=../../etc\n', undefined],
  ['', undefined],
])('the distribution in %j', (text, distribution) => expect(parseOsRelease(text)).toEqual(distribution))

test('what apt shows of a package', () => {
  const text =
    'Package: cpp-14-aarch64-linux-gnu\nSource: gcc-14-cross (9)\nVersion: 14.2.0-19cross1\nArchitecture: amd64\nPre-Depends: one\nDepends: libc6 (>= 2.38), a | b\n' +
    'Built-Using: gcc-14 (= 14.2.0-19), other (= 1)\nDescription: text\n SHA256: no\nSHA256: ab\nFilename: pool/cpp.deb\n\nPackage: as\nVersion: 2+b1\nArchitecture: arm64\nFilename: pool/as.deb\nSHA256: cd\n\nPackage: broken\n'
  expect(parseStanzas(text)).toEqual([
    {
      name: 'cpp-14-aarch64-linux-gnu',
      version: '14.2.0-19cross1',
      architecture: 'amd64',
      sha256: 'ab',
      path: 'pool/cpp.deb',
      source: { name: 'gcc-14-cross', version: '9' },
      builtUsing: new Map([
        ['gcc-14', '14.2.0-19'],
        ['other', '1'],
      ]),
      depends: ['one', 'libc6', 'a'],
    },
    {
      name: 'as',
      version: '2+b1',
      architecture: 'arm64',
      sha256: 'cd',
      path: 'pool/as.deb',
      source: { name: 'as', version: '2' },
      builtUsing: new Map(),
      depends: [],
    },
  ])
})

test.each([
  ['--host=a --enable-default-pie', '--host=b --enable-default-pie', []],
  ['--with-arch=armv7-a', '', ['--with-arch=armv7-a']],
  ['--with-arch=armv7-a', '--with-arch=armv8-a', ['--with-arch=armv7-a', '--with-arch=armv8-a']],
  [
    "--with-pkgversion='Debian 14.2.0-19' --build=x",
    "--with-pkgversion='Debian 14.2.0-18'",
    ["--with-pkgversion='Debian 14.2.0-19'", "--with-pkgversion='Debian 14.2.0-18'"],
  ],
])('a compiler configured with %j, and its twin with %j', (one, other, different) => {
  const program = (options: string) => configuredWith(Buffer.from(`text\0../src/configure -v ${options}\0more`))
  expect(configuredDifferently(program(one), program(other))).toEqual(different)
})

describe('Go of two packages', () => {
  const BOOTSTRAP = 'usr/share/go-1.24/src/internal/buildcfg/zbootstrap.go'
  const unpacked = (name: string, files: Readonly<Record<string, string>>) => {
    const root = join(folder, name)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, path, '..'), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    return { root, file: join(root, 'compile') }
  }
  const one = unpacked('one', {
    [BOOTSTRAP]: 'const DefaultGOARM = `6`\nconst version = `go1.24.4`\n',
    'usr/lib/go-1.24/VERSION': 'go1.24.4',
    'usr/share/doc/go-1.24/changelog': '1',
  })
  const DIFFERENT = 'the two were configured differently:'

  test.each([
    [
      'alike',
      {
        [BOOTSTRAP]: 'const DefaultGOARM = `6`\nconst version = `go1.24.4`\n',
        'usr/lib/go-1.24/VERSION': 'go1.24.4',
        'usr/share/doc/go-1.24/changelog': '2',
      },
      { rules: [] },
    ],
    [
      'another default, of which the twin is told',
      { [BOOTSTRAP]: 'const DefaultGOARM = `7`\nconst version = `go1.24.4`\n', 'usr/lib/go-1.24/VERSION': 'go1.24.4' },
      { rules: ['not GOOS=android', 'env GOARM=6'] },
    ],
    [
      'no default',
      { [BOOTSTRAP]: 'const version = `go1.24.4`\n', 'usr/lib/go-1.24/VERSION': 'go1.24.4' },
      { unlike: `${DIFFERENT} GOARM` },
    ],
    [
      'another setting',
      { [BOOTSTRAP]: 'const DefaultGOARM = `6`\nconst version = `go1.24.5`\n', 'usr/lib/go-1.24/VERSION': 'go1.24.4' },
      { unlike: `${DIFFERENT} ${BOOTSTRAP}` },
    ],
    [
      'a missing file',
      { [BOOTSTRAP]: 'const DefaultGOARM = `6`\nconst version = `go1.24.4`\n' },
      { unlike: `${DIFFERENT} usr/lib/go-1.24/VERSION` },
    ],
  ])('%s', async (name, files, expected) => expect(await likeness('go', one, unpacked(name, files))).toEqual(expected))

  test.each([
    ['the same', ['/lib/aarch64-linux-gnu', '/usr/lib'], { rules: [] }],
    ['others for 32-bit programs', ['/lib/aarch64-linux-gnu', '/usr/lib', '/usr/libilp32'], { rules: [] }],
    ['others', ['/usr/lib'], { unlike: 'the two look for libraries in other folders' }],
  ])('linkers look for libraries in %s', async (name, folders, expected) => {
    const script = (paths: readonly string[]) => paths.map((path) => `SEARCH_DIR("=${path}");\n`).join('')
    const linker = (from: string, paths: readonly string[]) => {
      const { root } = unpacked(from, { 'usr/bin/ld': `\0${script(paths)}\0` })
      return { root, file: join(root, 'usr/bin/ld') }
    }
    const one = linker(`one ${name}`, ['/lib/aarch64-linux-gnu', '/usr/lib'])
    expect(await likeness('binutils', one, linker(`twin ${name}`, folders))).toEqual(expected)
  })

  test('that say nothing are not alike', async () => {
    const none = unpacked('none', { 'usr/lib/go-1.24/VERSION': 'go1.24.4' })
    expect(await likeness('go', none, none)).toEqual({ unlike: 'it does not say how it was configured' })
  })
})

describe('recipes', async () => {
  const recipes = await readRecipes()
  test.each([
    ['/usr/libexec/gcc/aarch64-linux-gnu/14/cc1', 'arm64', 'cc1 14 arm64'],
    ['/usr/lib/gcc/arm-linux-gnueabihf/12/cc1plus', 'arm', 'cc1plus 12 armhf'],
    ['/usr/bin/as', 'riscv64', 'as  riscv64'],
    ['/usr/bin/s390x-linux-gnu-as', 's390x', 'as  s390x'],
    ['/usr/bin/cc', 'arm64', 'gcc  arm64'],
    ['/usr/bin/riscv64-linux-gnu-gcc-14', 'riscv64', 'gcc 14 riscv64'],
    ['/usr/bin/c++', 'arm', 'g++  armhf'],
    ['/usr/bin/g++-12', 'arm64', 'g++ 12 arm64'],
    ['/usr/bin/gcc-ar-14', 'arm64', undefined],
    ['/usr/bin/x86_64-linux-gnu-gcc', 'arm64', undefined],
    ['/usr/local/bin/gcc', 'arm64', undefined],
    ['/usr/bin/ar', 'arm64', 'ar  arm64'],
    ['/usr/bin/aarch64-linux-gnu-ranlib', 'arm64', 'ranlib  arm64'],
    ['/usr/lib/go-1.24/pkg/tool/linux_arm64/compile', 'arm64', 'go-compile 1.24 arm64'],
    ['/usr/lib/go-1.24/pkg/tool/linux_arm/asm', 'arm', 'go-asm 1.24 armhf'],
    ['/usr/local/go/pkg/tool/linux_ppc64le/link', 'ppc64le', 'go-image  ppc64el'],
    ['/usr/lib/go-1.24/pkg/tool/linux_amd64/cgo', 'arm64', undefined],
    ['/usr/bin/link', 'arm64', 'coreutils  arm64'],
    ['/bin/[', 'arm64', 'coreutils  arm64'],
    ['/bin/sh', 'arm64', 'dash  arm64'],
    ['/usr/bin/printf', 'arm64', undefined],
    ['/usr/bin/uname', 'arm64', 'coreutils  arm64'],
    ['/usr/libexec/gcc/x86_64-linux-gnu/14/cc1', 'arm64', undefined],
    ['/opt/cc1', 'arm64', undefined],
    ['/bin/tar', 'arm64', 'tar  arm64'],
    ['/usr/bin/python3.13', 'riscv64', 'python-compile 3.13 riscv64'],
    ['/usr/bin/python3.13', 'arm64', 'cpython 3.13 arm64'],
    ['/usr/bin/python3', 'arm64', 'cpython  arm64'],
    ['/usr/bin/python3.12', 'arm64', undefined],
    ['/usr/local/bin/python3.13', 'arm64', undefined],
    ['/usr/bin/alias', 'arm64', undefined],
  ])('for %s on %s', (path, architecture, found) => {
    const match = matchRecipe(recipes, path, PACK_TARGETS[architecture]!)
    expect(match && `${match.recipe.name} ${match.version} ${match.target.debian}`).toBe(found)
  })

  test.each([
    ['/usr/libexec/gcc/aarch64-linux-gnu/14/cc1', 'arm64', [], undefined],
    ['/usr/libexec/gcc/arm-linux-gnueabihf/14/cc1', 'arm', ['skip -flto'], undefined],
    [
      '/usr/libexec/gcc/s390x-linux-gnu/14/cc1plus',
      's390x',
      [
        'skip -flto',
        'skip -ftest-coverage',
        'skip -fprofile-use',
        'skip -fbranch-probabilities',
        'skip -fauto-profile',
      ],
      undefined,
    ],
    ['/usr/libexec/gcc/powerpc64le-linux-gnu/14/lto1', 'ppc64le', [], undefined],
    ['/usr/bin/as', 'arm', [], expect.stringContaining('more than 32 bits')],
    ['/usr/bin/as', 's390x', [], undefined],
    ['/usr/libexec/gcc/arm-linux-gnueabihf/14/lto1', 'arm', [], expect.stringContaining('in words of the machine')],
    ['/usr/bin/xz', 'ppc64le', [], undefined],
    ['/usr/bin/cc', 's390x', ['some -c -S -E', 'skip -l'], undefined],
    ['/usr/bin/cc', 'arm64', [], undefined],
    ['/usr/bin/cc', 'arm', ['skip -march=', 'skip -mcpu=', 'skip -mtune=', 'some -c -S -E', 'skip -l'], undefined],
    ['/usr/bin/ar', 's390x', [], expect.stringContaining('big-endian')],
    ['/bin/sh', 'riscv64', [], 'on riscv64 nobody has compared it yet'],
    ['/usr/bin/xz', 's390x', [], expect.stringContaining('big-endian')],
    [
      '/usr/libexec/gcc/s390x-linux-gnu/14/lto1',
      's390x',
      [],
      expect.stringContaining('in the byte order of the machine'),
    ],
  ])('know what is not the same for %s', (path, architecture, more, because) => {
    const match = matchRecipe(recipes, path, PACK_TARGETS[architecture]!)!
    expect(
      rulesOf(match)
        .slice(match.recipe.rules.length + (match.recipe.edits ? 1 : 0))
        .filter((rule) => !rule.startsWith('#')),
    ).toEqual(more)
    expect(noTwinBecause(match)).toEqual(because)
  })

  test.each([
    ['arm64', []],
    ['s390x', ['go-image', 'lto1']],
    ['arm', ['as', 'go-image', 'lto1']],
  ])('name what has never a twin on %s', (architecture, names) => {
    expect(neverTwins(recipes, PACK_TARGETS[architecture]!).map((one) => one.split(':')[0])).toEqual(names)
  })

  test('decide whether a pack of before may be used', () => {
    const program = '/usr/libexec/gcc/arm-linux-gnueabihf/14/cc1'
    const rules = [...rulesOf(matchRecipe(recipes, program, PACK_TARGETS['arm']!)!), 'load {pack} cc1']
    const made = (change: { rules?: string[]; recipe?: string; program?: string }) =>
      isCurrent(
        {
          architecture: 'arm',
          recipe: change.recipe ?? 'cc1',
          twin: { id: '00', program: change.program ?? program, rules: change.rules ?? rules },
        },
        recipes,
      )
    expect(made({})).toBe(true)
    expect(made({ rules: rules.filter((rule) => rule !== 'skip -flto') })).toBe(false)
    expect(made({ recipe: 'lto1', program: '/usr/libexec/gcc/arm-linux-gnueabihf/14/lto1' })).toBe(false)
    expect(made({ recipe: 'ld' })).toBe(false)
  })

  test('have rules of their own for each program of a pack of several', () => {
    const rules = (path: string) => rulesOf(matchRecipe(recipes, path, PACK_TARGETS['arm64']!)!)
    const own = (path: string) => rules(path).filter((rule) => !rules('/bin/cat').includes(rule))
    expect(own('/usr/bin/sort').filter((rule) => !rule.startsWith('#'))).toEqual([
      'lacks g',
      'without OPENSSL_CONF',
      'without OPENSSL_MODULES',
    ])
    expect(own('/bin/chown')).toContain('absent /usr/lib/aarch64-linux-gnu/libnss_systemd.so.2')
    const others = [{ id: '01', program: '/usr/bin/sort', rules: [...rules('/usr/bin/sort'), 'load {pack} sort'] }]
    const twin = { id: '00', program: '/usr/bin/cat', rules: [...rules('/usr/bin/cat'), 'load {pack} cat'] }
    const made = { architecture: 'arm64', recipe: 'coreutils', twin, others }
    expect(isCurrent(made, recipes)).toBe(true)
    expect(isCurrent({ ...made, others: [{ ...others[0]!, rules: twin.rules }] }, recipes)).toBe(false)
    const pack = { manifest: { ...manifest, twin, others }, digest: 'd'.repeat(64) }
    expect(rulesText(pack, '01')).toMatch(/\nload \/dev\/\.xbuild\/packs\/d{64} sort\n$/)
    expect(rulesText(pack, '00')).toMatch(/ cat\n$/)
  })

  test('name the programs that the handler asks about', () => {
    expect(programNames(recipes, PACK_TARGETS['arm64']!)).toEqual(
      expect.arrayContaining([
        'aarch64-linux-gnu-as',
        'aarch64-linux-gnu-g++',
        'aarch64-linux-gnu-gcc-14',
        'ar',
        'as',
        'c++',
        'cc',
        'gcc',
        'gcc-12',
        'asm',
        'cc1',
        'cc1plus',
        'cgo',
        'compile',
        'link',
        'lto1',
        'python3.13',
        'tar',
      ]),
    )
  })
})

describe('packs in a folder', () => {
  const digest = packDigest(manifest)
  const write = (name: string, content: string) => {
    mkdirSync(join(folder, name, 'bin'), { recursive: true })
    writeFileSync(join(folder, name, 'bin/as'), content)
    writeFileSync(join(folder, name, 'manifest.json'), manifestText(manifest))
  }

  test('are listed when their names and manifests agree, verified by content, and found by the beginning of their digest', async () => {
    write(digest, 'abc')
    write('0'.repeat(64), 'abc')
    mkdirSync(join(folder, 'f'.repeat(64)))
    const packs = await listPacks(folder)
    expect(packs.map((pack) => pack.digest)).toEqual([digest])
    expect(await verifyPack(packs[0]!)).toEqual([])
    expect(findPack(packs, digest.slice(0, 12)).digest).toBe(digest)
    expect(findPack(packs, 'as').digest).toBe(digest)
    expect(() => findPack(packs, 'cc1')).toThrow(/no pack has that name/)
    expect(rulesText(packs[0]!, manifest.twin.id)).toBe(`skip @\nload /dev/.xbuild/packs/${digest} as\n`)
    writeFileSync(join(folder, digest, 'bin/as'), 'abd')
    expect(await verifyPack(packs[0]!)).toEqual(['bin/as was changed after it was made'])
    writeFileSync(join(folder, digest, 'bin/as'), 'abcd')
    expect(await listPacks(folder)).toEqual([])
  })
})
