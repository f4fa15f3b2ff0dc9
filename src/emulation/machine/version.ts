/**
 * Whether a version like `7.2.22` or `6.8.0-49-generic` is another one or later, by the numbers that the other one
 * has.
 */
export function versionAtLeast(version: string, other: string): boolean {
  const [left, right] = [numbersOf(version), numbersOf(other)]
  for (const [index, number] of right.entries()) {
    const own = left[index] ?? 0
    if (own !== number) return own > number
  }
  return true
}

function numbersOf(version: string): number[] {
  return (/^\d+(?:[.-]\d+)*/.exec(version)?.[0] ?? '').split(/[.-]/).map(Number)
}
