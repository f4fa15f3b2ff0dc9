/** Characters by their code points, as ranges. */
export interface CharSet {
  readonly negated: boolean
  readonly ranges: readonly (readonly [number, number])[]
}

/** Where a match may stand without consuming a character. */
export type Assertion = 'start' | 'end' | 'boundary' | 'no-boundary'

/** One state of a compiled pattern: what it consumes, and which states may be entered without consuming. */
export type State =
  | { readonly type: 'char'; readonly code: number }
  | { readonly type: 'set'; readonly set: CharSet }
  | { readonly type: 'many'; readonly set: CharSet } // any number of them
  | { readonly type: 'skip'; readonly count: number } // so many states that follow are optional
  | { readonly type: 'jump'; readonly count: number } // so many states that follow are left out
  | { readonly type: 'assert'; readonly what: Assertion }

/** A compiled pattern. */
export interface Pattern {
  /** Whether the whole path matches. */
  matches(path: string): boolean
  /** Whether some path that begins with `start` could match. */
  canContinue(start: string): boolean
}

/** The pattern that the states stand for; the time of a match is linear in the states and in the path. */
export function patternOf(states: readonly State[]): Pattern {
  const first = states.findIndex(({ type }) => type !== 'char')
  if (first === -1) return exactPattern(textOf(states))
  // Most paths differ from most patterns in their first or last characters, and strings compare fast.
  const prefix = textOf(states.slice(0, first))
  const suffix = textOf(states.slice(states.findLastIndex(({ type }) => type !== 'char') + 1))
  // A character that ends an optional part is no part of every match.
  const optional = states.some(({ type }) => type === 'skip')
  const run = createRun(states)
  return {
    matches: (path) => path.startsWith(prefix) && (optional || path.endsWith(suffix)) && run(path) === 'match',
    canContinue: (start) => run(start) !== 'dead',
  }
}

/** The pattern that only this text matches. */
export function exactPattern(text: string): Pattern {
  return { matches: (path) => path === text, canContinue: (start) => text.startsWith(start) }
}

function textOf(states: readonly State[]): string {
  return states.map((state) => (state.type === 'char' ? String.fromCodePoint(state.code) : '')).join('')
}

function holds({ negated, ranges }: CharSet, code: number): boolean {
  return ranges.some(([low, high]) => low <= code && code <= high) !== negated
}

function isWordChar(code: number | undefined): boolean {
  return code !== undefined && code < 128 && /\w/.test(String.fromCodePoint(code))
}

/** Follows all states at once, so that no input makes it slow; its lists are made once and used for every path. */
function createRun(program: readonly State[]): (path: string) => 'match' | 'alive' | 'dead' {
  const size = program.length + 1
  let states = new Int32Array(size)
  let next = new Int32Array(size)
  let count = 0
  const pending = new Int32Array(2 * size)
  // The round in which a state was entered last.
  const entered = new Float64Array(size)
  let round = 0
  // The characters at both sides of where the match stands; nothing at the ends.
  let before: number | undefined
  let after: number | undefined

  function run(path: string): 'match' | 'alive' | 'dead' {
    before = undefined
    after = path.codePointAt(0)
    begin()
    enter(0)
    for (let at = 0; at < path.length; ) {
      const code = after!
      at += code > 0xffff ? 2 : 1
      before = code
      after = path.codePointAt(at)
      const current = count
      begin()
      for (let index = 0; index < current; index++) step(states[index]!, code)
      if (count === 0) return 'dead'
    }
    return entered[program.length] === round ? 'match' : 'alive'
  }

  /** The states entered from now on are the next ones. */
  function begin(): void {
    ;[states, next] = [next, states]
    count = 0
    round++
  }

  function step(at: number, code: number): void {
    const state = program[at]
    if (state?.type === 'char') {
      if (state.code === code) enter(at + 1)
    } else if (state?.type === 'set') {
      if (holds(state.set, code)) enter(at + 1)
    } else if (state?.type === 'many') {
      if (holds(state.set, code)) enter(at)
    }
  }

  function enter(first: number): void {
    let depth = 0
    pending[depth++] = first
    while (depth > 0) {
      const at = pending[--depth]!
      if (entered[at] === round) continue
      entered[at] = round
      next[count++] = at
      const state = program[at]
      if (state?.type === 'skip') {
        pending[depth++] = at + 1
        pending[depth++] = at + 1 + state.count
      } else if (state?.type === 'jump') {
        pending[depth++] = at + 1 + state.count
      } else if (state?.type === 'many' || (state?.type === 'assert' && isTrue(state.what))) {
        pending[depth++] = at + 1
      }
    }
  }

  function isTrue(what: Assertion): boolean {
    if (what === 'start') return before === undefined
    if (what === 'end') return after === undefined
    return (isWordChar(before) !== isWordChar(after)) === (what === 'boundary')
  }

  return run
}
