import { XbuildError } from '../../errors.ts'

/**
 * A `--chmod` value as a function from the mode a file has to the one it gets: octal, or symbolic like `u=rwX,go=rX`
 * or `g=u`.
 */
export function parseChmod(text: string): (mode: number, isDir: boolean) => number {
  if (/^[0-7]+$/.test(text)) {
    const value = Number.parseInt(text, 8)
    if (value <= 0o7777) return () => value
  }
  const clauses = text.split(',').map((clause) => /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause))
  if (text === '' || clauses.some((clause) => !clause)) {
    throw new XbuildError(
      'BAD_DOCKERFILE',
      `Cannot use --chmod "${text}": neither an octal number up to 7777 nor a symbolic mode`,
      {
        hint: 'Write it like 755 or u=rwX,go=rX',
      },
    )
  }
  return (mode, isDir) => {
    // What the mode was before all clauses decides about `X`
    const runs = isDir || (mode & 0o111) !== 0
    return clauses.reduce((current, clause) => applyClause(current, clause![1]!, clause![2]!, runs), mode)
  }
}

const CLASSES: Readonly<Record<string, { readonly shift: number; readonly bits: number }>> = {
  u: { shift: 6, bits: 0o4700 },
  g: { shift: 3, bits: 0o2070 },
  o: { shift: 0, bits: 0o7 },
}
const EVERYBODY = 0o6777
const STICKY = 0o1000
/** What each letter means for all classes at once. */
const LETTERS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, X: 0o111, s: 0o6000, t: STICKY }

/**
 * One clause, as BSD's setmode and BuildKit read it, with their oddities: special bits of others alone mean nothing,
 * `t` without a class is about the sticky bit only, and a class among the letters is copied when it comes.
 */
function applyClause(mode: number, written: string, actions: string, runs: boolean): number {
  const classes = written === '' || written.includes('a') ? 'ugo' : written
  const named = written === '' ? 0 : [...classes].reduce((bits, name) => bits | CLASSES[name]!.bits, 0)
  let result = mode
  for (const [, operator, letters] of actions.matchAll(/([-+=])([rwxXstugo]*)/g)) {
    let who = named
    let waiting = 0
    let ifRuns = 0
    let cleared = false
    const reach = () => (who === 0 ? EVERYBODY | STICKY : who)
    const flush = () => {
      if (waiting !== 0 || (operator === '=' && !cleared)) {
        if (operator === '=') result &= ~(who === 0 ? EVERYBODY : who)
        if (operator === '-') result &= ~(waiting & reach())
        else result |= waiting & reach()
        cleared = true
      }
      if (runs) result |= ifRuns & reach()
      waiting = ifRuns = 0
    }
    for (const letter of letters!) {
      if (CLASSES[letter]) {
        if (waiting !== 0) flush()
        cleared = true
        flush()
        result = copy(result, letter, { operator: operator!, classes })
      } else if ((letter !== 's' && letter !== 't') || who === 0 || (who & ~0o7) !== 0) {
        if (letter === 't') who |= STICKY
        if (letter === 'X' && operator !== '-') ifRuns |= LETTERS[letter]!
        else waiting |= LETTERS[letter]!
      }
    }
    flush()
  }
  return result
}

/** Gives classes the permissions that one of them has, adds or takes them; special bits stay. */
function copy(
  mode: number,
  from: string,
  { operator, classes }: { readonly operator: string; readonly classes: string },
): number {
  const value = (mode >> CLASSES[from]!.shift) & 0o7
  return [...new Set(classes)].reduce((current, name) => {
    const bits = value << CLASSES[name]!.shift
    if (operator === '+') return current | bits
    if (operator === '-') return current & ~bits
    return (current & ~(0o7 << CLASSES[name]!.shift)) | bits
  }, mode)
}
