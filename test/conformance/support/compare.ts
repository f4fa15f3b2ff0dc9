import type { Image, Outcome } from './image.ts'

/** What differs between two builds of a case, by the thing's name; `built` when one of them failed. */
export function differencesOf(theirs: Outcome, ours: Outcome): Readonly<Record<string, string>> {
  if (theirs.built && ours.built) return compare(theirs.image, ours.image)
  if (theirs.built === ours.built) return {}
  return { built: ours.built ? 'only xbuild builds it' : `only BuildKit builds it; xbuild says:\n${lastLines(ours)}` }
}

function compare(theirs: Image, ours: Image): Record<string, string> {
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].sort()
  const found = names.flatMap((name) => {
    const [theirsIs, oursIs] = [theirs[name] ?? 'nothing', ours[name] ?? 'nothing']
    return sameThing(theirsIs, oursIs) ? [] : [[name, `BuildKit has ${theirsIs}, xbuild has ${oursIs}`] as const]
  })
  return Object.fromEntries(found)
}

/**
 * Times count only where BuildKit keeps one of the context: others are the clock's, which xbuild leaves out to give
 * the same bytes again.
 */
function sameThing(theirs: string, ours: string): boolean {
  return theirs === ours || (!/ @\d+$/.test(theirs) && theirs === ours.replace(/ @\d+$/, ''))
}

/** The end of what a builder printed, for a message. */
export function lastLines(outcome: Outcome): string {
  return outcome.built ? '' : outcome.output.trimEnd().split('\n').slice(-15).join('\n')
}
