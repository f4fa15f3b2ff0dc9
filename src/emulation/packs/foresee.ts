import { addSources, compilingCosts, countSources, NO_SOURCES, USUAL_SOURCES, type SourceFiles } from './compiling.ts'
import { fieldOf, type Distribution } from './os-release.ts'

/** A program that a step will start, by the name of its recipe. */
export interface Foreseen {
  readonly recipe: string
  /** About how often. */
  readonly starts: number
  /** What it takes longer under QEMU, in CPU seconds; absent: so often what a start does. */
  readonly gain?: number
}

/** A command of a script, by its name: with what may stand before it, and its arguments. */
const command = (names: string) =>
  new RegExp(
    String.raw`(?:^|[;&|({\x60"'!]|\b(?:if|while|then|do|else|time|env|exec|sudo)\s|\s-l?c\s)\s*` +
      String.raw`(?:\w+=\S*\s+)*(?:[\w.-]*/)*(${names})(?=[\s;&|)}"'\x60]|$)([^;&|\n]*)`,
    'gm',
  )

const APT = /\bapt(?:-get)?\b[^;&|\n]*\s(?:update|install|upgrade|dist-upgrade|full-upgrade|build-dep)\b/
const PYTHON = /\bapt(?:-get)?\b[^;&|]*\sinstall\b[^;&|]*\spython3/
const COMPILER = command(String.raw`(?:\w+-linux-gnu\w*-)?(?:gcc|cc|g\+\+|c\+\+)(?:-\d+)?`)
const BUILDER = command('g?make|ninja|samu|cmake|meson|scons|dpkg-buildpackage|debuild')
const CONFIGURE = command(String.raw`configure|autoreconf|autogen\.sh|bootstrap|dpkg-buildpackage|debuild`)
const AUTOTOOLS = command(String.raw`autoreconf|autogen\.sh|bootstrap`)
const CMAKE = command('cmake|meson')
const CMAKE_ITSELF = command('cmake')
const NINJA = /(?:^|[\s;&|("'=/])[Nn]inja(?=[\s;&|)"']|$)|\bmeson\b/m
const MESON = command('meson')
const GO = command(String.raw`go(?=\s+(?:build|install|test|run|vet|tool|generate)\b)`)

/** Programs that a configure script compiles to learn what there is. */
const TRIALS = 60

const has = (words: RegExp, script: string) => script.search(words) >= 0

/** Programs with twins that the text of a RUN will most likely start; absent sources are not known. */
export function foresee(text: string, sources?: SourceFiles): Foreseen[] {
  const found = new Map<string, Foreseen>()
  const add = (programs: Readonly<Record<string, number>>, gains: Readonly<Record<string, number>> = {}) => {
    for (const [recipe, more] of Object.entries(programs)) {
      const { starts = 0, gain } = found.get(recipe) ?? {}
      const gained = gains[recipe]
      const total = gained === undefined ? gain : gained + (gain ?? 0)
      if (more > 0)
        found.set(recipe, { recipe, starts: starts + more, ...(total === undefined ? {} : { gain: total }) })
    }
  }
  // A line that goes on is one line
  const script = text.replace(/\\\r?\n/g, ' ')
  if (has(APT, script))
    add({
      ...{ 'apt-get': 2, 'apt-store': 8, sqv: 1, dpkg: 30, 'dpkg-deb': 20, tar: 20 },
      ...{ dash: 100, coreutils: 150, sed: 60, grep: 40 },
    })
  // The second has no twin where the first one has, and the other way round
  if (has(PYTHON, script)) add({ cpython: 1, 'python-compile': 1 }, { cpython: 60 })
  if (has(MESON, script)) add({ cpython: 4 })
  const { compiled, calls, links } = compilerCalls(script, sources)
  const builds = has(BUILDER, script)
  const all = builds ? addSources(compiled, sources ?? usualSources(script)) : compiled
  if (calls > 0 || builds) {
    const { c, cxx } = all
    const linked = links + (builds ? 4 : 0)
    add({ cc1: c.files, cc1plus: cxx.files, as: c.files + cxx.files }, compilingCosts(all))
    add({ gcc: c.files + linked, 'g++': cxx.files, collect2: linked, ld: linked })
    if (builds) {
      const files = c.files + cxx.files
      add({ make: 4, dash: files + 10, coreutils: 10 + files / 2, ar: 2, ranlib: 2, sed: 4, grep: 2 })
    }
  }
  if (has(CMAKE, script)) {
    const trials = { c: { files: 3, bytes: 3000 }, cxx: { files: 3, bytes: 3000 } }
    add({ cc1: 3, cc1plus: 3, as: 6 }, compilingCosts(trials))
    // It asks the linker what it is and can do, besides
    add({ gcc: 8, 'g++': 8, collect2: 5, ld: 12, make: 12, dash: 20 })
  }
  // Its makefiles start it for each file, and each of its trials
  if (has(CMAKE_ITSELF, script)) add({ cmake: 30 + all.c.files + all.cxx.files })
  if (builds && has(NINJA, script)) add({ ninja: 8 })
  if (has(CONFIGURE, script)) {
    const trials = { c: { files: TRIALS, bytes: 0 }, cxx: NO_SOURCES.cxx }
    add({ cc1: TRIALS, as: TRIALS / 2 }, { ...compilingCosts(trials), as: TRIALS * 0.05 })
    add({
      bash: 500,
      dash: 500,
      coreutils: 1500,
      sed: 600,
      grep: 400,
      gcc: 100,
      collect2: 40,
      ld: 40,
      diffutils: 50,
      make: 12,
      mawk: 30,
    })
  }
  if (has(AUTOTOOLS, script)) add({ m4: 20, perl: 20 })
  if (has(GO, script))
    add({ 'go-command': 3, 'go-image': 60, 'go-compile': 60, 'go-asm': 20, 'go-link': 1, 'go-cgo': 4 })
  return [...found.values()]
}

/** Of sources that nobody knows; C++ where the script says so. */
function usualSources(script: string): SourceFiles {
  return has(CMAKE, script) ? USUAL_SOURCES : { ...NO_SOURCES, c: USUAL_SOURCES.c }
}

/** What the script itself compiles: the files that it names. */
function compilerCalls(script: string, sources: SourceFiles | undefined) {
  let compiled = NO_SOURCES
  let links = 0
  let calls = 0
  for (const [, name = '', given = ''] of script.matchAll(COMPILER)) {
    calls += 1
    const words = given.split(/[\s"']+/)
    const names = words.filter((word) => !word.startsWith('-')).map((path) => ({ path, size: 2000 }))
    const named = countSources(names) ?? NO_SOURCES
    const { c, cxx } = /[*?$@]/.test(given)
      ? (sources ?? { ...NO_SOURCES, c: { files: 8, bytes: 80_000 } })
      : sources && sources.c.files <= named.c.files && sources.cxx.files <= named.cxx.files
        ? sources
        : named
    const both = addSources({ ...NO_SOURCES, c }, { ...NO_SOURCES, c: cxx }).c
    compiled = addSources(compiled, /\+\+/.test(name) ? { ...NO_SOURCES, cxx: both } : { c, cxx })
    if (!/(?:^|\s)-[cSE](?=\s|$)/.test(given)) links += 1
  }
  return { compiled, calls, links }
}

/** Distributions whose packages packs are made of, by their ID in os-release(5). */
const COVERED = ['debian', 'ubuntu']

/**
 * Why compilers of an image run emulated, where its distribution (the text of os-release(5)) has no packs; nothing where
 * it may have some, and where no script starts GCC.
 */
export function whyNoPacks(scripts: readonly string[], osRelease: string): string | undefined {
  const [id, name = id] = ['ID', 'PRETTY_NAME'].map((field) => fieldOf(osRelease, field))
  if (!id || COVERED.includes(id)) return undefined
  const starts = scripts
    .flatMap((script) => foresee(script))
    .some(({ recipe }) => recipe === 'cc1' || recipe === 'cc1plus')
  return starts ? `the image is ${name}, and there are packs for Debian and Ubuntu images only` : undefined
}

/** Releases by the words that names of images have for them. */
const RELEASES: readonly (readonly [name: RegExp, id: string, codename: string])[] = [
  [/(?:^|\/)debian:13(?:\.\d+)?(?:$|[-@])|[:-]trixie(?:$|[-@])/, 'debian', 'trixie'],
  [/(?:^|\/)debian:12(?:\.\d+)?(?:$|[-@])|[:-]bookworm(?:$|[-@])/, 'debian', 'bookworm'],
  [/(?:^|\/)ubuntu:24\.04(?:$|[-@])|[:-]noble(?:$|[-@])/, 'ubuntu', 'noble'],
  [/(?:^|\/)ubuntu:22\.04(?:$|[-@])|[:-]jammy(?:$|[-@])/, 'ubuntu', 'jammy'],
]

/** The distribution that the name of an image tells, before anything of it is there; nothing when it tells none. */
export function releaseOf(image: string): Distribution | undefined {
  const [, id, codename] = RELEASES.find(([name]) => name.test(image)) ?? []
  return id && codename ? { id, codename } : undefined
}
