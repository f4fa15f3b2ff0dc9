import { createLimit } from '../content/limit.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Digest } from '../oci/descriptor.ts'
import { formatReference } from '../oci/reference.ts'
import { moveAllTags } from '../publish/move-tags.ts'
import { namesOf } from '../publish/output-names.ts'
import type { MoveTags } from '../publish/publish-options.ts'
import { tagsBefore } from '../publish/tag-before.ts'
import type { TagBefore, TagMove } from '../publish/tag-move.ts'
import type { Session } from './open.ts'
import type { SessionRequest } from './types.ts'

/** Images that end at a time. */
const AT_A_TIME = 6

/** Where the images of a session wait with their tags until all of them are in their registries. */
export interface TagGate {
  /** What a tag was when the session began, by full reference. */
  readonly before: (name: string) => Promise<TagBefore>
  /** How publishing an image moves its tags: when all are there. */
  moveTags(request: SessionRequest, missing: TagMove['missing']): MoveTags
  /** An image could not be published: no tag of the session moves. */
  failed(request: SessionRequest | undefined, error: unknown): void
  /** Whether an image has come as far as its tags. */
  arrived(request: SessionRequest): Promise<void>
  /**
   * All that will come are there: the tags move, or nobody's do. Then the images go on, some at a time, each until it
   * is `ended`.
   */
  open(ended: (request: SessionRequest) => Promise<unknown>): Promise<void>
}

/** Opens the gate of a session, and asks what all its tags are now, while everything else is made ready. */
export function openTagGate(
  { requests, registry }: Pick<Session, 'requests' | 'registry'>,
  signal: AbortSignal,
): TagGate {
  const names = requests.flatMap(({ outputs, options }) =>
    options.append || options.force
      ? []
      : outputs.outputs.flatMap((output) =>
          output.type === 'registry' && !output.pushByDigest ? namesOf(output, outputs.tags) : [],
        ),
  )
  const { before, early } = tagsBefore(names, { registry, signal })
  const waiting: Waiting[] = []
  const arrivals = new Map<SessionRequest, () => void>()
  let failure: { readonly image: string | undefined; readonly error: XbuildError } | undefined
  let isOpen = false

  return {
    before,
    moveTags: (request, missing) => (asked, client) => {
      const { append, force, allowPlatformDrop } = { ...request.options, ...request.allowed }
      const moves = asked.map(
        (one): TagMove => ({
          ...client,
          ...one,
          ...{ before, early },
          ...(missing ? { missing } : {}),
          ...(append ? { append } : {}),
          ...(force ? { force } : {}),
          ...(allowPlatformDrop ? { allowPlatformDrop } : {}),
        }),
      )
      // One that comes late has not been waited for: the session is over
      if (isOpen) return Promise.reject(failure ? withheld(failure) : new XbuildError('CANCELED', 'Build canceled'))
      return new Promise((done, fail) => {
        waiting.push({ request, moves, done, fail })
        arrivals.get(request)?.()
      })
    },
    failed(request, thrown) {
      failure ??= { image: request?.image, error: toXbuildError(thrown) }
    },
    arrived: (request) => new Promise((arrive) => arrivals.set(request, arrive)),
    async open(ended) {
      isOpen = true
      // They come as they are ready; their tags move in the order in which they were asked for
      const all = waiting.toSorted((a, b) => requests.indexOf(a.request) - requests.indexOf(b.request))
      const goOn = failure ? failing(withheld(failure)) : await moveTogether(all)
      const limit = createLimit(AT_A_TIME)
      await Promise.all(
        all.map((one) =>
          limit(async () => {
            goOn(one)
            await ended(one.request)
          }),
        ),
      )
    },
  }
}

interface Waiting extends Waits {
  readonly request: SessionRequest
}

/** The tags of an image that wait, and who is told what became of them. */
export interface Waits {
  readonly moves: readonly TagMove[]
  done(digests: ReadonlyMap<string, Digest>): void
  fail(error: unknown): void
}

/** Moves all tags; what comes back tells each image what became of its own. */
export async function moveTogether(waiting: readonly Waits[]): Promise<(one: Waits) => void> {
  try {
    const digests = await moveAllTags(waiting.flatMap(({ moves }) => moves))
    return ({ done }) => done(digests)
  } catch (thrown) {
    const error = toXbuildError(thrown)
    const moved = new Map<string, Digest>()
    for (const { ref, state, digest } of error.tags ?? []) if (state === 'moved') moved.set(ref, digest as Digest)
    // An image whose tags have all moved is published
    return ({ moves, done, fail }) =>
      moves.flatMap(({ tags }) => tags).every((tag) => moved.has(formatReference(tag))) ? done(moved) : fail(error)
  }
}

function failing(error: XbuildError): (one: Waits) => void {
  return ({ fail }) => fail(error)
}

/** The error of an image whose tags stay, for another one could not be published. */
export function withheld({
  image,
  error,
}: {
  readonly image: string | undefined
  readonly error: XbuildError
}): XbuildError {
  return new XbuildError(
    error.code === 'CANCELED' ? 'REGISTRY' : error.code,
    `Cannot tag the image: "${image ?? ''}" could not be published, so no tag of this session has moved`,
    { cause: error, hint: 'Correct that and push again: what is in the registries is not sent again' },
  )
}
