/** A part of a shell pattern between two stars; `undefined` is any character. */
type Segment = readonly (string | undefined)[]

/** Called with the number of characters that a search looks at. */
export type Spend = (characters: number) => void

/** `${v#p}` and `${v##p}`: the value without the shortest or longest start that matches. */
export function removePrefix(value: string, pattern: string, options: { longest: boolean; spend: Spend }): string {
  const end = matchStart(value, parsePattern(pattern), options)
  return end === -1 ? value : value.slice(end)
}

/** `${v%p}` and `${v%%p}`: the value without the shortest or longest end that matches. */
export function removeSuffix(value: string, pattern: string, options: { longest: boolean; spend: Spend }): string {
  const reversed = parsePattern(pattern).map((segment) => segment.toReversed())
  const end = matchStart(reverse(value), reversed.toReversed(), options)
  return end === -1 ? value : value.slice(0, value.length - end)
}

/** `${v/p/r}` and `${v//p/r}`: the longest match from the left replaced, or all of them. */
export function replacePattern(
  value: string,
  pattern: string,
  { replacement, all, spend }: { replacement: string; all: boolean; spend: Spend },
): string {
  if (pattern === '') return value
  const segments = parsePattern(pattern)
  const parts: string[] = []
  let from = 0
  do {
    const match = findMatch(value, segments, { from, spend })
    if (!match) break
    parts.push(value.slice(from, match.start), replacement)
    spend(replacement.length)
    from = match.end
  } while (all && from < value.length)
  return parts.join('') + value.slice(from)
}

function parsePattern(pattern: string): Segment[] {
  const segments: (string | undefined)[][] = [[]]
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    if (char === '*') segments.push([])
    else if (char === '?') segments.at(-1)!.push(undefined)
    else segments.at(-1)!.push(char === '\\' && at + 1 < pattern.length ? pattern[++at] : char)
  }
  return segments
}

/** Length of the shortest or longest start of `value` that matches, or -1. */
function matchStart(
  value: string,
  segments: readonly Segment[],
  { longest, spend }: { longest: boolean; spend: Spend },
): number {
  const [first, ...rest] = segments
  if (!matchesAt(value, first!, 0)) return -1
  return matchRest(value, rest, { from: first!.length, longest, spend })
}

function findMatch(
  value: string,
  segments: readonly Segment[],
  { from, spend }: { from: number; spend: Spend },
): { start: number; end: number } | undefined {
  const [first, ...rest] = segments
  const start = find(value, first!, { from, spend })
  if (start === -1) return undefined
  const end = matchRest(value, rest, { from: start + first!.length, longest: true, spend })
  return end === -1 ? undefined : { start, end }
}

/** Where the match of the segments after the first ends: each as early as possible, the last one early or late. */
function matchRest(
  value: string,
  segments: readonly Segment[],
  { from, longest, spend }: { from: number; longest: boolean; spend: Spend },
): number {
  let end = from
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    const at =
      last && longest ? findLast(value, segment, { from: end, spend }) : find(value, segment, { from: end, spend })
    if (at === -1) return -1
    end = at + segment.length
  }
  return end
}

function find(value: string, segment: Segment, { from, spend }: { from: number; spend: Spend }): number {
  for (let at = from; at + segment.length <= value.length; at++) {
    spend(segment.length + 1)
    if (matchesAt(value, segment, at)) return at
  }
  return -1
}

function findLast(value: string, segment: Segment, { from, spend }: { from: number; spend: Spend }): number {
  for (let at = value.length - segment.length; at >= from; at--) {
    spend(segment.length + 1)
    if (matchesAt(value, segment, at)) return at
  }
  return -1
}

function matchesAt(value: string, segment: Segment, at: number): boolean {
  if (at + segment.length > value.length) return false
  for (let index = 0; index < segment.length; index++) {
    const char = segment[index]
    if (char !== undefined && char !== value[at + index]) return false
  }
  return true
}

function reverse(text: string): string {
  return text.split('').toReversed().join('')
}
