import { compact } from '../compact.ts'
import { type TagState, toXbuildError, XbuildError } from '../errors.ts'
import type { Target } from './tag-move.ts'

/** Milliseconds for asking what a tag is now. */
const PATIENCE = 10_000
/** What registries answer to a push of an immutable tag: the distribution specification names no status for it. */
const IMMUTABLE: ReadonlySet<number> = new Set([400, 405, 409, 412])

/** The error with the state of each tag: in words where there are several. */
export async function halfMoved(
  targets: readonly Target[],
  { digests, error: thrown }: { readonly digests: ReadonlyMap<string, string>; readonly error: unknown },
): Promise<XbuildError> {
  const error = toXbuildError(thrown)
  const tags = await Promise.all(targets.map((target) => stateOf(target, digests.get(target.name))))
  const hint = error.hint ?? hintFor(error, tags)
  if (targets.length < 2) return error.with({ tags, ...compact({ hint: isRefused(error, tags) ? hint : undefined }) })
  const named = (['moved', 'not moved', 'not known'] as const).flatMap((state) => {
    const names = tags
      .filter((tag) => tag.state === state)
      .map(({ ref, digest }) => (digest === undefined ? ref : `${ref}@${digest}`))
    return names.length > 0 ? [`${state}: ${names.join(', ')}`] : []
  })
  return error.with({
    message: `${error.message}; ${named.join('; ')}`,
    hint,
    cause: error,
    tags,
  })
}

function hintFor(error: XbuildError, tags: readonly TagState[]): string {
  return isRefused(error, tags)
    ? 'The registry may not let a tag that exists move: push another tag, or make tags mutable in its settings'
    : 'Push again: all content is in the registry, only tags are missing'
}

/** Registries answer so where tags are immutable; pushing again cannot help. */
function isRefused({ facts }: XbuildError, tags: readonly TagState[]): boolean {
  return (
    IMMUTABLE.has(facts.httpStatus ?? 0) &&
    tags.some(({ state, digest }) => state === 'not moved' && digest !== undefined)
  )
}

/** An answer may be lost after the registry has done what was asked. */
async function stateOf({ ref, name, move }: Target, moved: string | undefined): Promise<TagState> {
  if (moved !== undefined) return { ref: name, state: 'moved', digest: moved }
  try {
    const signal = AbortSignal.timeout(PATIENCE)
    const { descriptor } = await move.registry.manifest(ref, { signal, direct: true })
    const isMoved = !move.append && descriptor.digest === move.set.root.descriptor.digest
    return { ref: name, state: isMoved ? 'moved' : 'not moved', digest: descriptor.digest }
  } catch (error) {
    const isAbsent = error instanceof XbuildError && error.code === 'NOT_FOUND'
    return { ref: name, state: isAbsent ? 'not moved' : 'not known' }
  }
}
