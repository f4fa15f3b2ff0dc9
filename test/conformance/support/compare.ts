import type { Image, Outcome } from './image.ts'

/** What differs, as `thing: BuildKit's | ours` by the thing's name. */
export function compare(theirs: Image, ours: Image): Readonly<Record<string, string>> {
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].sort()
  const found = names.flatMap((name) => {
    const [theirsIs, oursIs] = [theirs[name] ?? 'nothing', ours[name] ?? 'nothing']
    return sameThing(theirsIs, oursIs) ? [] : [[name, `BuildKit has ${theirsIs}, xbuild has ${oursIs}`] as const]
  })
  return Object.fromEntries(found)
}

/** Times count only where BuildKit keeps one of the context: others are the clock's, which xbuild leaves out to give the same bytes again. */
function sameThing(theirs: string, ours: string): boolean {
  return theirs === ours || (!/ @\d+$/.test(theirs) && theirs === ours.replace(/ @\d+$/, ''))
}

/** The end of what a builder printed, for a message. */
export function lastLines(outcome: Outcome): string {
  return outcome.built ? '' : outcome.output.trimEnd().split('\n').slice(-15).join('\n')
}
