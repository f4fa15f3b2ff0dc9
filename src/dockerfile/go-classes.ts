import type { CharSet } from './automaton.ts'

/** Code points, from the first to the last. */
export type Range = readonly [number, number]

const MAX_CODE = 0x10ffff

/** Every character. */
export const ANY: CharSet = { negated: false, ranges: [[0, MAX_CODE]] }

const DIGIT: readonly Range[] = [[48, 57]]
const BLANK: readonly Range[] = [
  [9, 10],
  [12, 13],
  [32, 32],
]
const WORD: readonly Range[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
]
const PERL: Readonly<Record<string, readonly Range[]>> = { d: DIGIT, s: BLANK, w: WORD }
const LETTER: readonly Range[] = [
  [65, 90],
  [97, 122],
]
const POSIX: Readonly<Record<string, readonly Range[]>> = {
  alnum: [...DIGIT, ...LETTER],
  alpha: LETTER,
  ascii: [[0, 127]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 31],
    [127, 127],
  ],
  digit: DIGIT,
  graph: [[33, 126]],
  lower: [[97, 122]],
  print: [[32, 126]],
  punct: [
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ],
  space: [
    [9, 13],
    [32, 32],
  ],
  upper: [[65, 90]],
  word: WORD,
  xdigit: [
    [48, 57],
    [65, 70],
    [97, 102],
  ],
}
/** The characters of `\d` and its like by their letter; a capital means all others. */
export function perlClass(letter: string): readonly Range[] | undefined {
  const ranges = named(PERL, letter.toLowerCase())
  return ranges && letter !== letter.toLowerCase() ? complement(ranges) : ranges
}

/** The characters of `[:alpha:]` and its like by what stands between the colons. */
export function posixClass(name: string): readonly Range[] | undefined {
  const ranges = named(POSIX, name.replace(/^\^/, ''))
  return ranges && name.startsWith('^') ? complement(ranges) : ranges
}

/** The characters of a category of Unicode by the first letter of its name, or all others. */
export function unicodeClass(name: string, { negated }: { negated: boolean }): readonly Range[] | undefined {
  if (!/^[CLMNPSZ]$/.test(name)) return undefined
  const ranges = categoryRanges(name)
  return negated ? complement(ranges) : ranges
}

function named(table: Readonly<Record<string, readonly Range[]>>, name: string): readonly Range[] | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function complement(ranges: readonly Range[]): Range[] {
  const rest: Range[] = []
  let from = 0
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (low > from) rest.push([from, low - 1])
    from = Math.max(from, high + 1)
  }
  if (from <= MAX_CODE) rest.push([from, MAX_CODE])
  return rest
}

const categories = new Map<string, readonly Range[]>()

/** The code points of a category of Unicode, by the first letter of its name; looking for them takes a while. */
function categoryRanges(name: string): readonly Range[] {
  const known = categories.get(name)
  if (known) return known
  const one = new RegExp(`\\p{${name}}`, 'u')
  const ranges: [number, number][] = []
  for (let code = 0; code <= MAX_CODE; code++) {
    if (!one.test(String.fromCodePoint(code))) continue
    const last = ranges.at(-1)
    if (last?.[1] === code - 1) last[1] = code
    else ranges.push([code, code])
  }
  categories.set(name, ranges)
  return ranges
}
