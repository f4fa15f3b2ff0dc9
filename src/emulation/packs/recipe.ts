import type { Edits } from './driver-edits.ts'
import type { PackTarget } from './targets.ts'

/**
 * How a pack is made, as `qemu/packs/NAME.json` says it. `{triple}`, `{goarch}`, `{debian}` (the architecture as
 * Debian calls it) and `{version}` stand for those of the program, `{host}` for GOARCH of this machine.
 */
export interface Recipe {
  readonly name: string
  readonly about: string
  /** The end of the path of a program that this is for, as a regular expression. */
  readonly path: string
  /**
   * What more must agree than the source version. What a `tool` writes depends on no CPU: its libraries of the same
   * source must be the same, too. A `driver` only starts others.
   */
  readonly family: 'gcc' | 'driver' | 'binutils' | 'go' | 'tool'
  /**
   * What `{version}` in the names of programs may be, where one may be called by a name without it, the likeliest
   * first; absent: no name has one.
   */
  readonly versions?: readonly string[]
  /** Further names that it is called by. */
  readonly names?: readonly string[]
  /**
   * Where one pack has several programs of one package, their names, and for each the rules that follow the common
   * ones. `{program}` stands for a name in `files`, for all of them in `path`.
   */
  readonly programs?: Readonly<Record<string, readonly string[]>>
  /** The twins are those of the image's sibling in its index: there are no packages. */
  readonly sibling?: true
  /**
   * The twin answers as the program where it can, and ends the attempt where it cannot: only for builds that speculate.
   * Names the script `qemu/speculate/NAME.cjs` that does so.
   */
  readonly speculative?: string
  /** Digest of the sources of what tells the twin its machine: that script, or the library of `guest`. Not in the file. */
  readonly told?: string
  /** Builds lose little without its twin: it is never required. So are drivers and tools. */
  readonly minor?: true
  /** What a start of it takes longer under QEMU, usually, in CPU seconds. */
  readonly seconds?: number
  /** What making its pack takes by itself, in CPU seconds of the same machine. */
  readonly making?: number
  /** Parts of packages that packs of several recipes are made of, with what reading each takes, once for all of them. */
  readonly common?: Readonly<Record<string, number>>
  /** The program in the packages of the image's architecture. */
  readonly target: Origin
  /** Its twin in the packages of this machine's. */
  readonly native: Origin
  /**
   * Of its packages no more is read than the first file that each of these patterns of tar(1) matches, which may have
   * far larger ones behind them; absent: of drivers themselves, of others all.
   */
  readonly reads?: readonly string[]
  /**
   * Small programs of the target's package, of the same build, that say how it was configured, the first that is there:
   * of the large one no more is read than tells its build-id. Absent: it says so itself.
   */
  readonly configured?: readonly string[]
  /** What is changed in the twin. */
  readonly edits?: Edits
  /**
   * Texts in the twin that tell its machine, and what they are in the program: `move-texts.ts`. Of a recipe for several
   * versions, or programs, not each has all.
   */
  readonly moves?: Readonly<Record<string, string>>
  /** Instructions of the twin that work on letters as on its own CPU, and others in their place: `move-texts.ts`. */
  readonly letters?: Readonly<Record<string, string>>
  /** Code that names those texts has their lengths beside them. */
  readonly sized?: true
  /** The twin is told by a library what its own machine would tell otherwise: `guest.ts`. */
  readonly guest?: Guest
  /** Only scripts of these packages, as they are there, are run by the twin. */
  readonly scripts?: Scripts
  /** A library that both load. */
  readonly companion?: Companion
  /** Further files of the pack: name in its folder -> content. */
  readonly files?: Readonly<Record<string, string>>
  /** With what a twin is tried, and what it prints then, as an error where it fails; absent: arguments that print a version. */
  readonly tryOut?: {
    readonly args: readonly string[]
    readonly says?: string
    /** A regular expression of what it prints then: what its groups find are texts in the image's program, too. */
    readonly alike?: string
    readonly fails?: true
  }
  /** Lines for the handler, see `qemu/handler/rules.h`. */
  readonly rules: readonly string[]
  /**
   * What holds besides for architectures that are unlike the machines that twins run on, which have 64 bits and are
   * little-endian.
   */
  readonly unlike?: readonly Unlike[]
  /** The only architectures, as GOARCH, on which twins were compared; absent: see `unlike`. */
  readonly only?: readonly string[]
}

/** What a twin takes its machine for, and the libraries that it loads by itself. */
export interface Guest {
  /** Path of the program in images. */
  readonly program: string
  /** Those of a recipe for several that are told; absent: all. */
  readonly programs?: readonly string[]
  /** Its machine, as `uname -m` tells it. */
  readonly machine: string
  /** It makes system calls by their numbers on its own machine; absent: scripts could, by those of the image's. */
  readonly calls?: 'own'
  /** Packages with such libraries, besides its own: of the same source, or (`others`) of one for both CPUs. */
  readonly packages: readonly string[]
  readonly others?: readonly string[]
  /** Paths of the libraries behind `/usr/lib/{triple}/`, as a regular expression. */
  readonly modules: string
  /** Those packages whose libraries lie in a folder of their own below `/usr/lib`, with its name. */
  readonly folders?: Readonly<Record<string, string>>
  /** Packages with libraries that those need, besides the program's. */
  readonly libraries?: readonly string[]
}

export interface Scripts {
  readonly packages: readonly string[]
  /** The first line of a script, as a regular expression. */
  readonly first: string
  /** Paths of those that are left out, as a regular expression. */
  readonly except?: string
  /** Folders with the modules of such packages' scripts, which are compared, too. */
  readonly trees?: Readonly<Record<string, string>>
  /** Files that each start reads, by their paths in images: their packages, and the paths in these. */
  readonly kept?: Readonly<Record<string, readonly [name: string, path: string]>>
  /** Further scripts, as they stand after `-c`. */
  readonly texts?: readonly string[]
}

/**
 * A library that a program loads as it likes, of another source: the image's must be the one whose twin comes into
 * the pack, as `lib/<its file name>`.
 */
export interface Companion extends Pick<Recipe, 'family' | 'versions' | 'target' | 'native' | 'reads'> {
  /** Where images have it; absent: at its own place, and the twin is named in the place of it. */
  readonly path?: string
  /** The argument after which the program is told where it is. */
  readonly option?: string
}

/**
 * Why programs of some architectures write other bytes than their twins, and the rules that keep to what is the same;
 * without rules there is no twin.
 */
export interface Unlike {
  readonly bits?: 32
  readonly endian?: 'big'
  /** All architectures but these (GOARCH). */
  readonly except?: readonly string[]
  readonly because: string
  readonly rules?: readonly string[]
}

/** Where a program is found: the first of each that is there. */
export interface Origin {
  readonly packages: readonly string[]
  readonly files: readonly string[]
}

/** A recipe for the program of a path. */
export interface RecipeMatch {
  readonly recipe: Recipe
  readonly target: PackTarget
  readonly version: string
  /** Of a recipe for several; absent: the first. */
  readonly program?: string
}
