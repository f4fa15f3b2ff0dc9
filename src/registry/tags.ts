import { familiarReference, type Reference } from '../oci/reference.ts'
import { registryEndpoint } from './endpoint.ts'
import type { Connection } from './mirrors.ts'
import { pagesOf, unusableAnswer } from './pages.ts'

/** Tags that are asked for at a time, what a page may have at most in bytes, and what all may have in tags. */
const PAGE = 1000
const MAX_PAGE = 16 << 20
const MAX_TAGS = 200_000
/** Pages of a list; those in a row that have no tag which was not there before: such a list need not have an end. */
const MAX_PAGES = 5000
const MAX_EMPTY = 100

/** The tags of a repository, one page after the other. Throws NOT_FOUND when there is no such repository. */
export async function* listTags(
  connection: Connection,
  ref: Reference,
  signal: AbortSignal,
): AsyncGenerator<readonly string[], void, undefined> {
  const endpoint = registryEndpoint(ref, connection.registries)
  const what = `list the tags of "${familiarReference({ host: ref.host, repository: ref.repository })}"`
  const seen = new Set<string>()
  let empty = 0
  for await (const body of pagesOf(connection, endpoint, {
    first: `tags/list?n=${PAGE}`,
    what,
    signal,
    maxBytes: MAX_PAGE,
    maxPages: MAX_PAGES,
  })) {
    const fresh = tagsIn(body, what, endpoint.host).filter((tag) => !seen.has(tag))
    for (const tag of fresh) seen.add(tag)
    if (seen.size > MAX_TAGS) throw unusableAnswer(what, `${endpoint.host} lists more than ${MAX_TAGS} tags`)
    empty = fresh.length > 0 ? 0 : empty + 1
    if (empty > MAX_EMPTY) throw unusableAnswer(what, `${endpoint.host} lists page after page without a new tag`)
    if (fresh.length > 0) yield fresh
  }
}

function tagsIn(body: Buffer, what: string, host: string): readonly string[] {
  let tags: unknown
  try {
    tags = (JSON.parse(body.toString()) as { tags?: unknown } | null)?.tags ?? []
  } catch {
    tags = undefined
  }
  if (!Array.isArray(tags)) throw unusableAnswer(what, `${host} sent no list of tags`)
  // Whatever is no tag could not be asked for either
  return tags.filter((tag): tag is string => typeof tag === 'string' && /^\w[\w.-]{0,127}$/.test(tag))
}
