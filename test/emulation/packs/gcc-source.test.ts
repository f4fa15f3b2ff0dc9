import { expect, test } from 'vitest'
import type { Apt } from '../../../src/emulation/packs/apt.ts'
import { parseStanzas } from '../../../src/emulation/packs/apt-stanzas.ts'
import { configuredDifferently } from '../../../src/emulation/packs/configured.ts'
import { matchRecipe, readRecipes } from '../../../src/emulation/packs/recipes.ts'
import { findSources } from '../../../src/emulation/packs/source/from-source.ts'
import {
  crossOptions,
  howLong,
  isBuildable,
  placeOf,
  sourceDockerfile,
} from '../../../src/emulation/packs/source/gcc-source.ts'
import { hostTarget, PACK_TARGETS } from '../../../src/emulation/packs/targets.ts'

const recipes = await readRecipes()
const host = hostTarget('x64')!
const target = PACK_TARGETS['arm64']![0]!
const matchOf = (path: string) => matchRecipe(recipes, path, [target])!
const cc1 = matchOf('/usr/lib/gcc/aarch64-linux-gnu/12/cc1')

/** As the native `cc1` of Debian 12 for arm64 says it. */
const NATIVE = [
  "--with-pkgversion='Debian 12.2.0-14+deb12u1'",
  '--with-bugurl=file:///usr/share/doc/gcc-12/README.Bugs',
  '--enable-languages=c,ada,c++,go,d,fortran,objc,obj-c++,m2',
  '--prefix=/usr',
  '--with-gcc-major-version-only',
  '--program-prefix=aarch64-linux-gnu-',
  '--enable-default-pie',
  '--with-target-system-zlib=auto',
  '--enable-objc-gc=auto',
  '--enable-fix-cortex-a53-843419',
  '--enable-checking=release',
  '--build=aarch64-linux-gnu',
  '--host=aarch64-linux-gnu',
  '--target=aarch64-linux-gnu',
]

test('a cross compiler is configured like the native one in all that decides what it writes', () => {
  const options = crossOptions(NATIVE, { host, target })
  expect(options).toEqual([
    '--with-pkgversion=Debian 12.2.0-14+deb12u1',
    '--with-bugurl=file:///usr/share/doc/gcc-12/README.Bugs',
    '--prefix=/usr',
    '--with-gcc-major-version-only',
    '--program-prefix=aarch64-linux-gnu-',
    '--enable-default-pie',
    '--enable-fix-cortex-a53-843419',
    '--enable-checking=release',
    '--target=aarch64-linux-gnu',
    '--enable-languages=c,c++,lto',
    '--with-sysroot=/',
    '--without-target-system-zlib',
    '--includedir=/usr/aarch64-linux-gnu/include',
    '--build=x86_64-linux-gnu',
    '--host=x86_64-linux-gnu',
  ])
  const said = options.map((one) => one.replace(/^(--with-pkgversion=)(.*)$/, "$1'$2'"))
  expect(configuredDifferently(NATIVE, said)).toEqual([])
})

test('the build is a Dockerfile without network and base image', () => {
  const text = sourceDockerfile({ match: cc1, source: 'gcc-12-source', configured: NATIVE, host, jobs: 2 })
  expect(text).toMatchInlineSnapshot(`
    "FROM scratch AS made
    COPY . /
    WORKDIR /build
    ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEB_BUILD_OPTIONS="nocheck nolang=ada,d,go,m2,fortran,objc,obj-c++,jit"
    RUN ["bash","-ec","cp -a /usr/src/gcc-12/debian /build/debian\\necho arm64 > /build/debian/target\\nmake -f debian/rules patch"]
    WORKDIR /build/objects
    ENV CC=gcc-12 CXX=g++-12 CFLAGS=-O2 CXXFLAGS=-O2
    RUN ["../src/configure","-v","--with-pkgversion=Debian 12.2.0-14+deb12u1","--with-bugurl=file:///usr/share/doc/gcc-12/README.Bugs","--prefix=/usr","--with-gcc-major-version-only","--program-prefix=aarch64-linux-gnu-","--enable-default-pie","--enable-fix-cortex-a53-843419","--enable-checking=release","--target=aarch64-linux-gnu","--enable-languages=c,c++,lto","--with-sysroot=/","--without-target-system-zlib","--includedir=/usr/aarch64-linux-gnu/include","--build=x86_64-linux-gnu","--host=x86_64-linux-gnu"]
    RUN ["make","-j2","all-gcc","TARGET-gcc=cc1 cc1plus lto1 xgcc xg++"]
    RUN ["bash","-ec","mkdir /output\\ncp gcc/cc1 /output/cc1\\ncp gcc/cc1plus /output/cc1plus\\ncp gcc/lto1 /output/lto1\\ncp gcc/xgcc /output/gcc\\ncp gcc/xg++ /output/g++\\nstrip --strip-unneeded /output/*"]
    FROM scratch
    COPY --from=made /output/ /
    "
  `)
})

test.each([
  ['/usr/lib/gcc/aarch64-linux-gnu/12/cc1', 'usr/lib/gcc-cross/aarch64-linux-gnu/12/cc1'],
  ['/usr/lib/gcc/aarch64-linux-gnu/12/cc1plus', 'usr/lib/gcc-cross/aarch64-linux-gnu/12/cc1plus'],
  ['/usr/lib/gcc/aarch64-linux-gnu/12/lto1', 'usr/lib/gcc-cross/aarch64-linux-gnu/12/lto1'],
  ['/usr/bin/aarch64-linux-gnu-gcc-12', 'usr/bin/aarch64-linux-gnu-gcc-12'],
  ['/usr/bin/aarch64-linux-gnu-g++-12', 'usr/bin/aarch64-linux-gnu-g++-12'],
])('%s can be built', (path, place) => {
  expect(isBuildable(matchOf(path))).toBe(true)
  expect(placeOf(matchOf(path))).toBe(place)
})

test.each(['/usr/bin/aarch64-linux-gnu-as', '/usr/bin/make', '/usr/lib/go-1.24/pkg/tool/linux_arm64/compile'])(
  '%s cannot',
  (path) => expect(isBuildable(matchOf(path))).toBe(false),
)

test('only the package of the very source is built from', () => {
  const stanza = (version: string) =>
    `Package: gcc-12-source\nSource: gcc-12\nVersion: ${version}\nArchitecture: all\nFilename: pool/x.deb\nSHA256: ab\n`
  const packages = parseStanzas([stanza('12.2.0-14'), stanza('12.2.0-14+deb12u1')].join('\n\n'))
  const apt: Pick<Apt, 'versions'> = { versions: (name) => (name === 'gcc-12-source' ? packages : []) }
  const found = (name: string, version: string) => findSources(apt, cc1, { name, version })?.version
  expect(found('gcc-12', '12.2.0-14+deb12u1')).toBe('12.2.0-14+deb12u1')
  expect(found('gcc-12', '12.2.0-15')).toBeUndefined()
  expect(found('gcc-13', '12.2.0-14')).toBeUndefined()
})

test('it takes as long as the machine has processors, up to a number', () => {
  expect([1, 2, 64].map(howLong)).toEqual([
    'about 24 minutes on one processor',
    'about 12 minutes on 2 processors',
    'about 3 minutes on 64 processors',
  ])
})
