import type { CharSet, State } from './automaton.ts'
import { ANY, perlClass, posixClass, unicodeClass, type Range } from './go-classes.ts'

/** Without the flag `s`, a dot is no line feed. */
const NO_LINE_FEED: CharSet = { negated: true, ranges: [[10, 10]] }
const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }
/** Go's limit of a count. */
const MAX_COUNT = 1000
/** No pattern that somebody means needs more; counts make many of a few characters. */
const MAX_STATES = 250_000

/**
 * The states of a regular expression as Go's `regexp.MatchString` reads it, which finds it anywhere in a path, or what
 * is wrong with it. It knows what the rules of `.dockerignore` let through: groups and `+` are escaped there.
 */
export function readGoRegexp(expression: string): State[] | { readonly problem: string } {
  try {
    const states = new Reader(expression).read()
    const [first, last] = [states[0], states.at(-1)]
    if (isAssertion(first, 'start') && isAssertion(last, 'end')) return states.slice(1, -1)
    return [{ type: 'many', set: ANY }, ...states, { type: 'many', set: ANY }]
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message }
    throw error
  }
}

function isAssertion(state: State | undefined, what: string): boolean {
  return state?.type === 'assert' && state.what === what
}

class Problem extends Error {}

class Reader {
  readonly #chars: readonly string[]
  #at = 0

  constructor(expression: string) {
    this.#chars = Array.from(expression)
  }

  /** Alternatives between `|`, up to `end` or the end of all. */
  read(end?: string): State[] {
    const alternatives = [this.#sequence(end)]
    while (this.#peek() === '|') {
      this.#at++
      alternatives.push(this.#sequence(end))
    }
    let states = alternatives.pop()!
    for (let one = alternatives.pop(); one; one = alternatives.pop()) {
      const others = states
      states = [{ type: 'skip', count: one.length + 1 }, ...one, { type: 'jump', count: others.length }, ...others]
      if (states.length > MAX_STATES) throw new Problem('it is too large')
    }
    return states
  }

  #sequence(end: string | undefined): State[] {
    const atoms: State[][] = []
    let repeated = false
    let size = 0
    while (this.#peek() !== undefined && this.#peek() !== '|' && this.#peek() !== end) {
      const counts = this.#counts()
      if (counts) {
        const atom = atoms.pop()
        if (!atom) throw new Problem('a repetition has nothing to repeat')
        if (repeated) throw new Problem('it repeats a repetition')
        const again = repeat(atom, counts)
        size += again.length - atom.length
        if (saysNothingMore(again, atoms.at(-1))) size -= again.length
        else atoms.push(again)
      } else if (this.#peek() === '\\' && this.#peek(1) === 'Q') {
        const quoted = this.#quoted()
        size += quoted.length
        for (const one of quoted) atoms.push(one)
      } else {
        const atom = this.#atom()
        size += atom.length
        atoms.push(atom)
      }
      repeated = counts !== undefined
      if (size > MAX_STATES) throw new Problem('it is too large')
    }
    return atoms.flat()
  }

  #peek(ahead = 0): string | undefined {
    return this.#chars[this.#at + ahead]
  }

  #take(): string {
    const char = this.#chars[this.#at++]
    if (char === undefined) throw new Problem('it ends too early')
    return char
  }

  /** `*`, `?` or `{2,3}`, as how often at least and at most; nothing when here is none. */
  #counts(): readonly [number, number] | undefined {
    const char = this.#peek()
    if (char === '*' || char === '?') {
      this.#at++
      return char === '*' ? [0, Number.POSITIVE_INFINITY] : [0, 1]
    }
    if (char !== '{') return undefined
    const text = this.#chars.slice(this.#at, this.#at + 40).join('')
    const written = /^\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(text)
    if (!written) return undefined
    this.#at += written[0].length
    const least = Number(written[1])
    const most = written[2] === undefined ? least : Number(written[3] ?? Number.POSITIVE_INFINITY)
    if (least > MAX_COUNT || (most > MAX_COUNT && written[3] !== undefined) || least > most)
      throw new Problem(`"${written[0]}" is not a repetition count`)
    return [least, most]
  }

  #atom(): State[] {
    const char = this.#take()
    switch (char) {
      case '(': {
        const inner = this.read(')')
        this.#take()
        return inner
      }
      case '[':
        return [{ type: 'set', set: this.#charClass() }]
      case '.':
        return [{ type: 'set', set: NO_LINE_FEED }]
      case '^':
        return [{ type: 'assert', what: 'start' }]
      case '$':
        return [{ type: 'assert', what: 'end' }]
      case '\\':
        return [this.#escaped()]
      default:
        return [charState(char)]
    }
  }

  #escaped(): State {
    const what = ({ A: 'start', z: 'end', b: 'boundary', B: 'no-boundary' } as const)[this.#peek() ?? '']
    if (what) {
      this.#at++
      return { type: 'assert', what }
    }
    const ranges = this.#escapedClass()
    return ranges ? { type: 'set', set: { negated: false, ranges } } : { type: 'char', code: this.#escapedChar() }
  }

  /** Everything from `\Q` up to `\E`, or to the end, is what it is. */
  #quoted(): State[][] {
    this.#at += 2
    const states: State[][] = []
    while (this.#peek() !== undefined) {
      if (this.#peek() === '\\' && this.#peek(1) === 'E') {
        this.#at += 2
        break
      }
      states.push([charState(this.#take())])
    }
    return states
  }

  /** `\d` and its like, and `\pL`; nothing when the backslash makes one character. */
  #escapedClass(): readonly Range[] | undefined {
    const letter = this.#peek() ?? ''
    const perl = perlClass(letter)
    if (perl) this.#at++
    if (perl || letter.toLowerCase() !== 'p') return perl
    this.#at++
    const name = this.#take()
    const ranges = unicodeClass(name === '{' ? this.#nameInBraces() : name, { negated: letter === 'P' })
    if (!ranges) throw new Problem(`there is no class "\\${letter}${name}"`)
    return ranges
  }

  #escapedChar(): number {
    const char = this.#take()
    if (/^[0-7]$/.test(char)) {
      let digits = char
      while (digits.length < 3 && /^[0-7]$/.test(this.#peek() ?? '')) digits += this.#take()
      if (digits === char && char !== '0') throw new Problem(`"\\${char}" is not a valid escape`)
      return Number.parseInt(digits, 8)
    }
    if (char === 'x') return this.#hexadecimal()
    const control = Object.hasOwn(CONTROLS, char) ? CONTROLS[char] : undefined
    if (control !== undefined) return control
    const code = char.codePointAt(0)!
    if (code < 128 && !/[0-9A-Za-z]/.test(char)) return code
    throw new Problem(`"\\${char}" is not a valid escape`)
  }

  #hexadecimal(): number {
    const digits = this.#peek() === '{' ? (this.#at++, this.#nameInBraces()) : this.#take() + this.#take()
    const code = Number.parseInt(digits, 16)
    if (!/^[0-9a-fA-F]+$/.test(digits) || code > 0x10ffff) throw new Problem('"\\x" needs hexadecimal digits')
    return code
  }

  #nameInBraces(): string {
    let name = ''
    for (let char = this.#take(); char !== '}'; char = this.#take()) name += char
    return name
  }

  #charClass(): CharSet {
    const negated = this.#peek() === '^'
    if (negated) this.#at++
    const ranges: Range[] = []
    for (let first = true; this.#peek() !== ']' || first; first = false) {
      const named = this.#namedClass() ?? this.#classInClass()
      if (named) {
        ranges.push(...named)
        continue
      }
      const low = this.#classChar()
      const isRange = this.#peek() === '-' && this.#peek(1) !== undefined && this.#peek(1) !== ']'
      if (isRange) this.#at++
      const high = isRange ? this.#classChar() : low
      if (high < low) throw new Problem('a class has a range that ends before it begins')
      ranges.push([low, high])
    }
    this.#at++
    return { negated, ranges }
  }

  #classInClass(): readonly Range[] | undefined {
    if (this.#peek() !== '\\') return undefined
    this.#at++
    const ranges = this.#escapedClass()
    if (!ranges) this.#at--
    return ranges
  }

  /** `[:alpha:]`, inside a class. */
  #namedClass(): readonly Range[] | undefined {
    if (this.#peek() !== '[' || this.#peek(1) !== ':') return undefined
    const end = this.#chars.findIndex((char, at) => at >= this.#at + 2 && char === ':' && this.#chars[at + 1] === ']')
    if (end === -1) return undefined
    const name = this.#chars.slice(this.#at + 2, end).join('')
    const ranges = posixClass(name)
    if (!ranges) throw new Problem(`there is no class "[:${name}:]"`)
    this.#at = end + 2
    return ranges
  }

  #classChar(): number {
    if (this.#peek() === undefined) throw new Problem('"[" has no "]"')
    const char = this.#take()
    return char === '\\' ? this.#escapedChar() : char.codePointAt(0)!
  }
}

function charState(char: string): State {
  return { type: 'char', code: char.codePointAt(0)! }
}

/** Whether an atom matches nothing more after the same one: `.*` and `(.*\/)?`, of which there may be many in a row. */
function saysNothingMore(atom: readonly State[], before: readonly State[] | undefined): boolean {
  if (atom.length !== before?.length) return false
  const [one, same] = atom.length === 1 ? [atom[0], before[0]] : [atom[1], before[1]]
  if (one?.type !== 'many' || same?.type !== 'many' || one.set.negated !== same.set.negated) return false
  const isSame = one.set.ranges.every(
    ([low, high], at) => same.set.ranges[at]?.[0] === low && same.set.ranges[at]?.[1] === high,
  )
  // Of three, the first is optional and the last a slash
  return isSame && one.set.ranges.length === same.set.ranges.length && (atom.length === 1 || atom.length === 3)
}

/** What is repeated without an end is one state: of more, the rules of patterns make no such repetition. */
function repeat(atom: readonly State[], [least, most]: readonly [number, number]): State[] {
  // Most are these two
  if (least === 0 && most === 1) return [{ type: 'skip', count: atom.length }, ...atom]
  if (least === 0 && most === Number.POSITIVE_INFINITY && atom[0]?.type === 'set')
    return [{ type: 'many', set: atom[0].set }]
  const first = Array.from({ length: least }, () => atom).flat()
  if (most !== Number.POSITIVE_INFINITY) {
    const optional: State[] = [{ type: 'skip', count: atom.length }, ...atom]
    return [...first, ...Array.from({ length: most - least }, () => optional).flat()]
  }
  const [state] = atom
  if (state?.type === 'char')
    return [...first, { type: 'many', set: { negated: false, ranges: [[state.code, state.code]] } }]
  return state?.type === 'set' ? [...first, { type: 'many', set: state.set }] : first
}
