/** Source files of one language. */
export interface Amount {
  readonly files: number
  readonly bytes: number
}

/** What a step has to compile. */
export interface SourceFiles {
  readonly c: Amount
  readonly cxx: Amount
}

export const NO_SOURCES: SourceFiles = { c: { files: 0, bytes: 0 }, cxx: { files: 0, bytes: 0 } }

/** Where nobody knows what a step compiles, it is about so much: of C, and where it is C++. */
export const USUAL_SOURCES: SourceFiles = { c: { files: 40, bytes: 400_000 }, cxx: { files: 20, bytes: 200_000 } }

const LANGUAGES = { c: /\.[ci]$/, cxx: /\.(?:cc|cp|cpp|cxx|c\+\+|C|CPP|ii)$/ }
const ARCHIVE = /\.(?:tar|tgz|tbz2?|txz|zip|gz|bz2|xz|zst)$/

/** The sources among files; nothing when there are archives, which may hold others. */
export function countSources(
  files: Iterable<{ readonly path: string; readonly size: number }>,
): SourceFiles | undefined {
  const found = { c: { files: 0, bytes: 0 }, cxx: { files: 0, bytes: 0 } }
  for (const { path, size } of files) {
    if (ARCHIVE.test(path)) return undefined
    const amount = LANGUAGES.c.test(path) ? found.c : LANGUAGES.cxx.test(path) ? found.cxx : undefined
    if (!amount) continue
    amount.files += 1
    amount.bytes += size
  }
  return found
}

export function addSources(one: SourceFiles, other: SourceFiles): SourceFiles {
  const sum = (a: Amount, b: Amount) => ({ files: a.files + b.files, bytes: a.bytes + b.bytes })
  return { c: sum(one.c, other.c), cxx: sum(one.cxx, other.cxx) }
}

/** What QEMU takes longer for each file, and for each kilobyte of it, in CPU seconds: with -O2, of C++ between that and none. */
const COSTS = {
  cc1: { file: 0.25, kilobyte: 0.09 },
  cc1plus: { file: 1.5, kilobyte: 0.06 },
  as: { file: 0.12, kilobyte: 0.01 },
}

/** What compiling the sources takes longer under QEMU, by recipe, in CPU seconds. */
export function compilingCosts({ c, cxx }: SourceFiles): Readonly<Record<'cc1' | 'cc1plus' | 'as', number>> {
  const cost = ({ file, kilobyte }: { file: number; kilobyte: number }, { files, bytes }: Amount) =>
    files * file + (bytes / 1000) * kilobyte
  return { cc1: cost(COSTS.cc1, c), cc1plus: cost(COSTS.cc1plus, cxx), as: cost(COSTS.as, c) + cost(COSTS.as, cxx) }
}
