/** The candidate nearest to a mistyped word (at most 2 slips, 1 in a short word; case aside), if there is one. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  let best: string | undefined
  // Only what is nearer than this counts.
  let bestDistance = wanted.length < 2 ? 0 : wanted.length < 5 ? 1.5 : 2.5
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `Did you mean "x"`, or `otherwise` when nothing is near. */
export function suggestionHint(word: string, candidates: Iterable<string>, otherwise?: string): string | undefined {
  const found = suggest(word, candidates)
  return found === undefined ? otherwise : `Did you mean "${found}"`
}

/** A swap of two neighbours is the likeliest slip, so it counts a little less than one change. */
const SWAP = 0.9

/** Optimal string alignment, three rows at a time. */
function editDistance(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1, swapped ? before[j - 2]! + SWAP : Infinity))
    }
    before = row
    row = next
  }
  return row[to.length]!
}
