import { createLimit } from '../content/limit.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { readTag, type ReadTagOptions } from './present-tag.ts'
import type { EarlyReading, TagBefore } from './tag-move.ts'

/** Tags that are asked for at a time: each is a connection. */
const AT_A_TIME = 16
/** How long a registry may think about what a tag was, in milliseconds: the work goes on meanwhile. */
const PATIENCE = 10_000

/** Asks what tags are now, each once; the answers are told by full reference. */
export function tagsBefore(refs: readonly Reference[], options: ReadTagOptions): (name: string) => Promise<TagBefore> {
  const before = new Map<string, Promise<TagBefore>>()
  const limit = createLimit(AT_A_TIME)
  for (const ref of refs) {
    const name = formatReference(ref)
    if (!before.has(name))
      before.set(
        name,
        limit(() => stateOf(ref, options)),
      )
  }
  return async (name) => before.get(name) ?? 'unknown'
}

async function stateOf(ref: Reference, { registry, signal }: ReadTagOptions): Promise<TagBefore> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  try {
    return (await readTag(ref, { registry, signal: patience }))?.digest ?? 'absent'
  } catch {
    // A registry that is down now, or does not say, is asked again before the tag moves
    return 'unknown'
  }
}

/** Begins to read tags; the readings are told by full reference. */
export function readEarly(
  refs: readonly Reference[],
  options: ReadTagOptions,
): (name: string) => EarlyReading | undefined {
  const readings = new Map<string, EarlyReading>()
  for (const { host, repository, tag = 'latest' } of refs) {
    const ref = { host, repository, tag }
    const reading = { tag: readTag(ref, options), since: Date.now() }
    reading.tag.catch(() => {}) // told where it is awaited, if it is
    readings.set(formatReference(ref), reading)
  }
  return (name) => readings.get(name)
}
