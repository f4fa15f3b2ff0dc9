import { setTimeout as delay } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor, type Digest } from '../oci/descriptor.ts'
import { makeDocument } from '../oci/make-manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { fallbackTag } from '../registry/referrers.ts'
import type { RegistryClient, TagCondition } from '../registry/types.ts'

/** Milliseconds until a list that was written is read again, at least; and times that it is written at most. */
const SETTLE = 1000
/** The wait as a multiple of the time that reading and writing took: others that read before are as slow. */
const PATIENCE = 4
const MAX_WRITES = 20

/**
 * Makes known what refers to `subject`; its manifests are in the repository already. A registry that lists referrers
 * has done that by itself; in others they are added to the index under the tag `sha256-...` (distribution-spec,
 * referrers tag schema), which others may write at the same time: it is read again, and written again when entries are
 * missing. Where the registry honours no conditions, that is a matter of time: a writer that is much slower than this
 * one can still undo it. Throws TAG_CHANGED when others never leave it alone.
 */
export async function addReferrers(
  { host, repository }: Reference,
  { subject, added }: { readonly subject: Digest; readonly added: readonly Descriptor[] },
  {
    registry,
    signal,
  }: { readonly registry: Pick<RegistryClient, 'referrers' | 'pushManifest'>; readonly signal: AbortSignal },
): Promise<void> {
  const tag: Reference = { host, repository, tag: fallbackTag(subject) }
  let refused: Digest | 'absent' | undefined
  for (let writes = 0; writes <= MAX_WRITES; writes++) {
    const begun = Date.now()
    const known = await registry.referrers({ host, repository }, subject, { signal })
    const missing = added.filter((one) => !known.manifests.some(({ digest }) => digest === one.digest))
    if (known.listed || missing.length === 0) return
    const manifests = [...known.manifests, ...missing]
    const index = makeDocument(MEDIA_TYPE.index, { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests })
    const state = known.digest ?? 'absent'
    const when: TagCondition = known.digest === undefined ? 'absent' : { etag: known.etag ?? `"${known.digest}"` }
    // A registry that refuses a condition that was right means something else by it
    const how = refused === state && !known.refused ? { signal } : { signal, when }
    await registry.pushManifest(tag, index, how).catch((error: unknown) => {
      if (!(error instanceof XbuildError) || error.code !== 'TAG_CHANGED') throw error
      refused = state
    })
    const wait = Math.max(SETTLE, PATIENCE * (Date.now() - begun))
    await delay(wait * (1 + Math.random() / 2), undefined, { signal })
  }
  throw new XbuildError(
    'TAG_CHANGED',
    `Cannot list what refers to ${subject} under "${formatReference(tag)}": others keep changing it`,
    {
      hint: 'Push again when they are done',
    },
  )
}
