import type { RecipeMatch } from '../recipe.ts'
import { fill, programsOf } from '../recipes.ts'
import type { PackTarget } from '../targets.ts'

/** The programs of GCC that are built from source, by the recipes that they are twins of: how its makefile calls them. */
const MADE: Readonly<Record<string, string>> = {
  cc1: 'cc1',
  cc1plus: 'cc1plus',
  lto1: 'lto1',
  gcc: 'xgcc',
  'g++': 'xg++',
}

/** CPU time of one build, measured with GCC 12 for arm64 on amd64. Minutes. */
const CPU_MINUTES = 24
/** More compilers at a time than this would need more memory than most machines have. */
const MOST_JOBS = 8

/** Where the containers of the build find things. */
const SOURCE_PLACES = { work: '/build', output: '/output' } as const

/** Whether the program of a recipe can be built from source. */
export function isBuildable({ recipe }: RecipeMatch): boolean {
  return MADE[recipe.name] !== undefined && programsOf(recipe).length === 0
}

/** How many compilers run at a time. */
export function jobsOn(cpus: number): number {
  return Math.min(Math.max(cpus, 1), MOST_JOBS)
}

/** How long a build takes on a machine that does nothing else, in words. */
export function howLong(cpus: number): string {
  return `about ${Math.ceil(CPU_MINUTES / jobsOn(cpus))} minutes on ${cpus === 1 ? 'one processor' : `${cpus} processors`}`
}

/** The package with the sources of a GCC, as its maintainers build cross compilers from. */
export function sourcePackage(source: string): string {
  return `${source}-source`
}

/**
 * Packages whose programs the build needs, with everything that these depend on: those that the source package names,
 * without what other languages, documentation and tests need.
 */
export function toolPackages(version: string, target: PackTarget): string[] {
  const compilers = [`gcc-${version}`, `g++-${version}`, 'binutils', `binutils-${target.triple.replaceAll('_', '-')}`]
  const libraries = ['libc6-dev', 'libgmp-dev', 'libmpfr-dev', 'libmpc-dev', 'libisl-dev', 'libzstd-dev', 'zlib1g-dev']
  const shell = [
    'dash',
    'bash',
    'coreutils',
    'findutils',
    'diffutils',
    'grep',
    'sed',
    'gawk',
    'tar',
    'gzip',
    'xz-utils',
  ]
  const packaging = [
    'make',
    'patch',
    'quilt',
    'patchutils',
    'dpkg-dev',
    'lsb-release',
    'time',
    'autoconf2.69',
    'base-files',
  ]
  return [...compilers, ...libraries, ...shell, ...packaging, 'm4', 'flex', 'bison', 'hostname', 'util-linux', 'perl']
}

/** Options for what is not built, for where it is built and lies, and for libraries of the target. */
const LEFT_OUT =
  /^--(build|host|enable-languages|enable-bootstrap|enable-link-serialization|includedir|enable-objc-gc|enable-offload-targets|enable-offload-defaulted)(=|$)|^--with-(build-config|sysroot|target-system-zlib)(=|$)|^--without-(target-system-zlib|cuda-driver)$/

/**
 * The options that a native GCC was configured with become those of a cross compiler for the same CPU: all that decide
 * what it writes stay.
 */
export function crossOptions(
  native: readonly string[],
  { host, target }: { host: PackTarget; target: PackTarget },
): string[] {
  const kept = native.filter((option) => !LEFT_OUT.test(option)).map(unquoted)
  return [
    ...kept,
    '--enable-languages=c,c++,lto',
    '--with-sysroot=/',
    '--without-target-system-zlib',
    `--includedir=/usr/${target.triple}/include`,
    `--build=${host.triple}`,
    `--host=${host.triple}`,
    ...(kept.some((option) => option.startsWith('--target=')) ? [] : [`--target=${target.triple}`]),
  ]
}

/** As a shell would take it: GCC writes a version with blanks in quotes. */
function unquoted(option: string): string {
  return option.replaceAll("'", '')
}

export interface SourceBuild {
  /** Of the program that is wanted. */
  readonly match: RecipeMatch
  /** The package with the sources. */
  readonly source: string
  /** Options that the image's compiler was configured with. */
  readonly configured: readonly string[]
  readonly host: PackTarget
  readonly jobs: number
}

/**
 * The build as a Dockerfile, whose context is a folder with the tools and the sources: the sources are patched by the
 * package's own rules, as for Debian's cross compilers. All programs are made in one go, so that a second pack costs
 * nothing.
 */
export function sourceDockerfile({ match, source, configured, host, jobs }: SourceBuild): string {
  const { target, version } = match
  const { work, output } = SOURCE_PLACES
  const run = (...argv: string[]) => `RUN ${JSON.stringify(argv)}`
  const from = `/usr/src/${source.replace(/-source$/, '')}`
  const patch = [
    `cp -a ${from}/debian ${work}/debian`,
    `echo ${target.debian} > ${work}/debian/target`,
    'make -f debian/rules patch',
  ]
  const programs = Object.values(MADE)
  const placed = [
    `mkdir ${output}`,
    ...Object.entries(MADE).map(([name, made]) => `cp gcc/${made} ${output}/${name}`),
    `strip --strip-unneeded ${output}/*`,
  ]
  return [
    'FROM scratch AS made',
    'COPY . /',
    `WORKDIR ${work}`,
    'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEB_BUILD_OPTIONS="nocheck nolang=ada,d,go,m2,fortran,objc,obj-c++,jit"',
    run('bash', '-ec', patch.join('\n')),
    `WORKDIR ${work}/objects`,
    `ENV CC=gcc-${version} CXX=g++-${version} CFLAGS=-O2 CXXFLAGS=-O2`,
    run('../src/configure', '-v', ...crossOptions(configured, { host, target })),
    run('make', `-j${jobs}`, 'all-gcc', `TARGET-gcc=${programs.join(' ')}`),
    run('bash', '-ec', placed.join('\n')),
    'FROM scratch',
    `COPY --from=made ${output}/ /`,
    '',
  ].join('\n')
}

/** Where the packages of a cross compiler would have the program. */
export function placeOf(match: RecipeMatch): string {
  return fill(match.recipe.native.files.at(-1)!, match)
}
