/** Whether a name matches a pattern with `*`, `?` and `[...]`; the names of targets have no `/`. */
export function matches(pattern: string, name: string): boolean {
  return step([...pattern], [...name])
}

// Only the last star needs to be tried again, so the time is at most the product of both lengths
function step(pattern: readonly string[], name: readonly string[]): boolean {
  let [p, n] = [0, 0]
  let retry: readonly [number, number] | undefined
  for (;;) {
    if (p === pattern.length && n === name.length) return true
    if (pattern[p] === '*') {
      retry = [p + 1, n]
      p += 1
      continue
    }
    const one = n < name.length ? single(pattern, p, name[n]!) : undefined
    if (one !== undefined) {
      p = one
      n += 1
    } else if (retry && retry[1] < name.length) {
      retry = [retry[0], retry[1] + 1]
      p = retry[0]
      n = retry[1]
    } else return false
  }
}

// Where the pattern goes on after one character, when that matches
function single(pattern: readonly string[], p: number, char: string): number | undefined {
  const want = pattern[p]
  if (want === '?') return p + 1
  if (want === '\\') return pattern[p + 1] === char ? p + 2 : undefined
  if (want !== '[') return want === char ? p + 1 : undefined
  const close = pattern.indexOf(']', p + 2)
  if (close < 0) return undefined
  const negated = pattern[p + 1] === '^'
  const set = pattern.slice(p + (negated ? 2 : 1), close)
  const inside = set.some(
    (each, at) =>
      each === char || (set[at + 1] === '-' && set[at + 2] !== undefined && each <= char && char <= set[at + 2]!),
  )
  return inside === negated ? undefined : close + 1
}

/** Whether a text is a pattern at all. */
export function isPattern(text: string): boolean {
  return /[*?[\]]/.test(text)
}
