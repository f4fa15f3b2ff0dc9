/** Orders versions of packages as Debian's policy manual says (5.6.12): negative when `one` is older. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)]
  return a.map((part, index) => compareParts(part, b[index]!)).find((order) => order !== 0) ?? 0
}

function partsOf(version: string): [epoch: string, upstream: string, revision: string] {
  const [, epoch = '0', upstream = '', revision = ''] = /^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(version) ?? []
  return [epoch, upstream, revision]
}

/** Letters and numbers take turns, letters first. */
function compareParts(one: string, other: string): number {
  const [a, b] = [runsOf(one), runsOf(other)]
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? '', b[i] ?? '']
    const order = i % 2 === 0 ? compareLetters(left, right) : Math.sign(Number(left) - Number(right))
    if (order !== 0) return order
  }
  return 0
}

function runsOf(text: string): string[] {
  const runs: string[] = text.match(/\d+|\D+/g) ?? []
  return /^\d/.test(text) ? ['', ...runs] : runs
}

function compareLetters(one: string, other: string): number {
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const order = weightOf(one[i]) - weightOf(other[i])
    if (order !== 0) return order
  }
  return 0
}

/** `~` comes before the end of a text, and letters before all else. */
function weightOf(letter: string | undefined): number {
  if (letter === undefined) return 0
  if (letter === '~') return -1
  return letter.charCodeAt(0) + (/[A-Za-z]/.test(letter) ? 0 : 256)
}
