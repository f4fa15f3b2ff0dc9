import { XbuildError } from '../../errors.ts'

/**
 * A `--chmod` value as a function from the mode a file has to the one it gets: octal, or symbolic like `u=rwX,go=rX`
 * or `g=u`.
 */
export function parseChmod(text: string): (mode: number, isDir: boolean) => number {
  if (/^[0-7]{1,5}$/.test(text)) {
    const value = Number.parseInt(text, 8)
    if (value <= 0o7777) return () => value
  }
  const clauses = text.split(',').map((clause) => /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause))
  if (text === '' || clauses.some((clause) => !clause)) {
    throw new XbuildError(
      'BAD_DOCKERFILE',
      `Cannot use --chmod "${text}": neither an octal number up to 7777 nor a symbolic mode`,
      {
        hint: 'Write it like 755 or u=rwX,go=rX',
      },
    )
  }
  return (mode, isDir) =>
    clauses.reduce(
      (current, clause) => apply(current, clause![1] || 'a', clause![2]!, isDir || (mode & 0o111) !== 0),
      mode,
    )
}

const SHIFT: Record<string, number> = { u: 6, g: 3, o: 0 }

/** `runs`: whether `X` means `x`; what the mode was before all clauses decides, as in BuildKit. */
function apply(mode: number, who: string, actions: string, runs: boolean): number {
  const classes = who.includes('a') ? ['u', 'g', 'o'] : [...new Set(who)]
  let result = mode
  for (const [, operator, permissions] of actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)) {
    const copied = SHIFT[permissions!]
    let bits = 0
    let all = 0
    for (const name of classes) {
      const shift = SHIFT[name]!
      all |= 0o7 << shift
      // Permissions that are copied leave the special bits alone
      if (copied !== undefined) bits |= ((result >> copied) & 0o7) << shift
      if (permissions!.includes('r')) bits |= 4 << shift
      if (permissions!.includes('w')) bits |= 2 << shift
      if (permissions!.includes('x') || (permissions!.includes('X') && runs)) bits |= 1 << shift
      if (permissions!.includes('s') && name !== 'o') bits |= name === 'u' ? 0o4000 : 0o2000
      if (name !== 'o' && copied === undefined) all |= name === 'u' ? 0o4000 : 0o2000
    }
    if (permissions!.includes('t')) bits |= 0o1000
    result = operator === '+' ? result | bits : operator === '-' ? result & ~bits : (result & ~all) | bits
  }
  return result
}
