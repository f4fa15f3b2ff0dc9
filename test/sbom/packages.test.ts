import { expect, test } from 'vitest'
import { apkPackages, dpkgPackages, readRelease } from '../../src/sbom/distributions.ts'
import { createGoSearch } from '../../src/sbom/go-search.ts'
import { packagesOf } from '../../src/sbom/image-packages.ts'
import { npmPackages, pythonPackages } from '../../src/sbom/languages.ts'
import { packagePurl } from '../../src/sbom/purl.ts'
import { spdxDocument } from '../../src/sbom/spdx.ts'
import type { LayerPackages } from '../../src/sbom/types.ts'

test("packages of dpkg's database: those that are installed, with their source", () => {
  const text = `Package: libc6
Status: install ok installed
Source: glibc
Architecture: arm64
Version: 2.41-12
Description: long
 and more: text

Package: gone
Status: deinstall ok config-files
Version: 1

Package: libgcc-s1
Status: install ok half-configured
Source: gcc-14 (14.2.0-19)
Architecture: arm64
Version: 14.2.0-19+b1

Package: distroless
Version: 1:2
`
  expect(dpkgPackages(text)).toEqual([
    { ecosystem: 'deb', name: 'libc6', version: '2.41-12', architecture: 'arm64', source: 'glibc' },
    { ecosystem: 'deb', name: 'libgcc-s1', version: '14.2.0-19+b1', architecture: 'arm64', source: 'gcc-14 14.2.0-19' },
    { ecosystem: 'deb', name: 'distroless', version: '1:2' },
  ])
})

test("packages of apk's database, npm and Python", () => {
  expect(apkPackages('C:Q1x\nP:musl\nV:1.2.5-r9\nA:aarch64\nL:MIT\no:musl\nF:lib\nR:x\n\nP:a\nV:1\no:b\n\n')).toEqual([
    { ecosystem: 'apk', name: 'musl', version: '1.2.5-r9', architecture: 'aarch64', license: 'MIT' },
    { ecosystem: 'apk', name: 'a', version: '1', source: 'b' },
  ])
  expect(npmPackages('{"name":"@a/b","version":"1.0.0","license":{"type":"ISC"}}')).toEqual([
    { ecosystem: 'npm', name: '@a/b', version: '1.0.0', license: 'ISC' },
  ])
  // Written on Windows, and in the form of old packages
  expect(npmPackages('\ufeff{"name":"a","version":"1","licenses":[{"type":"MIT","url":"x"}]}')).toEqual([
    { ecosystem: 'npm', name: 'a', version: '1', license: 'MIT' },
  ])
  for (const bad of [
    '',
    '[]',
    'null',
    '{"name":"x"}',
    '{"name":"../x/y","version":"1"}',
    '{"name":"a\\nb","version":"1"}',
  ])
    expect(npmPackages(bad), bad).toEqual([])
  expect(pythonPackages('Metadata-Version: 1.0\nName: a\nVersion: 1\nLicense: UNKNOWN\n')).toEqual([
    { ecosystem: 'pypi', name: 'a', version: '1' },
  ])
  expect(pythonPackages('Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 7.2\n\nName: other\n')).toEqual([
    { ecosystem: 'pypi', name: 'zope-interface', version: '7.2' },
  ])
})

test('what distribution it is', () => {
  expect(readRelease('PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="13"\n')).toEqual({ id: 'debian', version: '13' })
  expect(readRelease('ID="a b"\n')).toBeUndefined()
})

/** As Go's linker writes it. */
function buildInfo(version: string, modules: string): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value)
    const size: number[] = []
    for (let left = bytes.length; ; left >>= 7) {
      size.push(left >= 0x80 ? (left & 0x7f) | 0x80 : left)
      if (left < 0x80) break
    }
    return Buffer.concat([Buffer.from(size), bytes])
  }
  const head = Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.from([8, 2]), Buffer.alloc(16)])
  return Buffer.concat([head, text(version), text(`${'<'.repeat(16)}${modules}${'>'.repeat(16)}`), Buffer.alloc(100)])
}

test('modules of a Go program, however the bytes arrive', () => {
  const modules =
    'path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\tgolang.org/x/text\tv0.3.0\th1:x=\n=>\tgolang.org/x/text\tv0.4.0\th1:y=\nbuild\tGOOS=linux\n'
  const decoy = Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.alloc(40, 1)])
  const program = Buffer.concat([Buffer.alloc(1000), decoy, Buffer.alloc(77), buildInfo('go1.24.4', modules)])
  for (const piece of [1, 7, 13, 1000, 100_000]) {
    const search = createGoSearch()
    for (let at = 0; at < program.length; at += piece) search.write(program.subarray(at, at + piece))
    expect(search.packages(), String(piece)).toEqual([
      { ecosystem: 'golang', name: 'stdlib', version: '1.24.4' },
      { ecosystem: 'golang', name: 'example.com/app', version: '(devel)' },
      { ecosystem: 'golang', name: 'golang.org/x/text', version: 'v0.4.0' },
    ])
  }
})

const layer = (parts: Partial<LayerPackages>): LayerPackages => ({
  found: [],
  links: [],
  hardlinks: [],
  removed: [],
  opaque: [],
  ...parts,
})
const npm = (name: string, path = `app/node_modules/${name}/package.json`) => ({
  path,
  packages: [{ ecosystem: 'npm' as const, name, version: '1' }],
})

test('an upper layer replaces, removes and hides', () => {
  const { packages } = packagesOf([
    layer({
      found: [
        npm('a'),
        npm('b'),
        npm('c'),
        npm('d', 'x/node_modules/d/package.json'),
        npm('e', 'y/node_modules/e/package.json'),
      ],
    }),
    layer({
      found: [{ path: 'app/node_modules/a/package.json' }],
      removed: ['app/node_modules/b'],
      opaque: ['x'],
      links: ['y'],
      hardlinks: [['copy/node_modules/c/package.json', 'app/node_modules/c/package.json']],
    }),
  ])
  expect(packages).toEqual([
    {
      ...npm('c').packages[0],
      paths: ['/app/node_modules/c/package.json', '/copy/node_modules/c/package.json'],
    },
  ])
})

test('a link in the place of a program hides it', () => {
  const { packages } = packagesOf([
    layer({ found: [{ path: 'usr/bin/app', packages: [{ ecosystem: 'golang', name: 'old', version: 'v1' }] }] }),
    layer({ links: ['usr/bin/app'] }),
  ])
  expect(packages).toEqual([])
})

test('package URLs', () => {
  const release = { id: 'debian', version: '13' }
  expect(packagePurl({ ecosystem: 'deb', name: 'libc6', version: '1:2+b1', architecture: 'arm64' }, release)).toBe(
    'pkg:deb/debian/libc6@1:2%2Bb1?arch=arm64&distro=debian-13',
  )
  expect(packagePurl({ ecosystem: 'npm', name: '@a/b', version: '1' }, release)).toBe('pkg:npm/%40a/b@1')
  expect(packagePurl({ ecosystem: 'golang', name: 'golang.org/x/text', version: 'v1' }, undefined)).toBe(
    'pkg:golang/golang.org/x/text@v1',
  )
})

test('the document is the same for the same image', () => {
  const image = packagesOf([layer({ found: [npm('a'), { path: 'var/lib/rpm/Packages', unread: true }] })])
  const about = {
    name: 'app:1',
    digest: `sha256:${'a'.repeat(64)}`,
    platform: 'linux/arm64',
    version: '1.0.0',
    created: new Date(1_000),
  }
  const document = spdxDocument(image, about) as Record<string, unknown>
  expect(spdxDocument(image, about)).toEqual(document)
  expect(document).toMatchObject({
    spdxVersion: 'SPDX-2.3',
    SPDXID: 'SPDXRef-DOCUMENT',
    documentNamespace: expect.stringMatching(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8/),
    creationInfo: { created: '1970-01-01T00:00:01Z', creators: ['Tool: xbuild-1.0.0'] },
    comment: 'Not read: /var/lib/rpm/Packages.',
    packages: [{ SPDXID: 'SPDXRef-Image' }, { name: 'a', versionInfo: '1', licenseDeclared: 'NOASSERTION' }],
  })
})
