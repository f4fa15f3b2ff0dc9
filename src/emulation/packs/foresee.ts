import { fieldOf, type Distribution } from './os-release.ts'

/** A program that a step will start, by the name of its recipe, and about how often. */
export interface Foreseen {
  readonly recipe: string
  readonly starts: number
}

/** Words of a script, and what they will start. The first packs are made first. */
const SIGNS: readonly (readonly [words: RegExp, programs: Readonly<Record<string, number>>])[] = [
  [
    /\bapt(?:-get)?\b[^;&|\n]*\s(?:update|install|upgrade|dist-upgrade|full-upgrade|build-dep)\b/,
    { 'apt-get': 2, 'apt-store': 4, 'dpkg-deb': 20, tar: 20, dash: 100, coreutils: 150, sed: 60, grep: 40 },
  ],
  [/\bapt(?:-get)?\b[^;&|]*\sinstall\b[^;&|]*\spython3/, { 'python-compile': 1 }],
  [/(?:^|[\s;&|("'/])(?:gcc|cc|g\+\+|c\+\+)(?:-\d+)?(?=[\s;&|)"']|$)/m, { cc1: 8, as: 8, gcc: 8, ld: 2 }],
  [
    /(?:^|[\s;&|("'/])(?:make|cmake|ninja|meson|configure|build-essential|dpkg-buildpackage)(?=[\s;&|)"']|$)/m,
    { cc1: 40, as: 40, gcc: 80, ld: 8, ar: 4, ranlib: 4, make: 10, dash: 100, coreutils: 150, sed: 20, grep: 20 },
  ],
  [
    /(?:^|[\s;&|("'/])(?:configure|autoreconf|autogen\.sh|bootstrap|dpkg-buildpackage|debuild)(?=[\s;&|)"']|$)/m,
    { bash: 500, dash: 500, coreutils: 1500, sed: 600, grep: 400, ld: 100, diffutils: 50, m4: 20 },
  ],
  [/(?:^|[\s;&|("'/])(?:autoreconf|autogen\.sh|bootstrap)(?=[\s;&|)"']|$)/m, { perl: 20 }],
  [
    /(?:^|[\s;&|("'/])(?:cmake|meson|build-essential|g\+\+|c\+\+)(?:-\d+)?(?=[\s;&|)"']|$)/m,
    { cc1plus: 20, as: 20, 'g++': 60 },
  ],
  [
    /(?:^|[\s;&|("'/])go\s+(?:build|install|test|run|vet|tool|generate)\b/m,
    { 'go-command': 3, 'go-image': 60, 'go-compile': 60, 'go-asm': 20, 'go-link': 1, 'go-cgo': 4 },
  ],
]

/** Programs with twins that the text of a RUN will most likely start. */
export function foresee(text: string): Foreseen[] {
  const found = new Map<string, number>()
  // A line that goes on is one line
  const script = text.replace(/\\\r?\n/g, ' ')
  for (const [words, programs] of SIGNS) {
    if (!words.test(script)) continue
    for (const [recipe, starts] of Object.entries(programs)) found.set(recipe, Math.max(starts, found.get(recipe) ?? 0))
  }
  return [...found].map(([recipe, starts]) => ({ recipe, starts }))
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
  const starts = scripts.flatMap(foresee).some(({ recipe }) => recipe === 'cc1' || recipe === 'cc1plus')
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
