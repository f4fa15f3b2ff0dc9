import { createLimit } from '../content/limit.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { readTag, type ReadTagOptions } from './present-tag.ts'
import type { EarlyReading, TagBefore } from './tag-move.ts'

/** Tags that are asked for at a time: each is a connection. */
const AT_A_TIME = 16
/** How long a registry may think about what a tag was, in milliseconds: the work goes on meanwhile. */
const PATIENCE = 10_000

/** What tags were when they were asked for, by full reference. */
export interface TagsBefore {
  readonly before: (name: string) => Promise<TagBefore>
  readonly early: (name: string) => EarlyReading | undefined
}

/** Asks what tags are now, each once. */
export function tagsBefore(refs: readonly Reference[], options: ReadTagOptions): TagsBefore {
  const readings = new Map<string, EarlyReading>()
  const limit = createLimit(AT_A_TIME)
  for (const ref of refs) {
    const name = formatReference(ref)
    if (!readings.has(name)) readings.set(name, beginReading(ref, options, limit))
  }
  return {
    before: async (name) =>
      readings.get(name)?.tag.then(
        (tag) => tag?.digest ?? 'absent',
        // A registry that is down now, or does not say, is asked again before the tag moves
        () => 'unknown' as const,
      ) ?? 'unknown',
    early: (name) => readings.get(name),
  }
}

function beginReading(
  ref: Reference,
  { registry, signal }: ReadTagOptions,
  limit: ReturnType<typeof createLimit>,
): EarlyReading {
  let since = 0
  const tag = limit(() => {
    since = Date.now()
    return readTag(ref, { registry, signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]) })
  })
  tag.catch(() => {}) // told where it is awaited, if it is
  return {
    tag,
    get since() {
      return since
    },
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
