import { setTimeout as delay } from 'node:timers/promises'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import type { ImageIndex } from '../oci/manifest.ts'
import { heldEntries, holdsExactly, inPlaceOf, mergeIndex } from '../oci/merge-index.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { RegistryFailure } from '../registry/failure.ts'
import type { PushManifestOptions, RegistryClient, TagCondition } from '../registry/types.ts'
import { type PresentTag, readTag } from './present-tag.ts'

/** What an append needs. The manifests that its entries name are in the repository already. */
export interface AppendOptions {
  readonly registry: Pick<RegistryClient, 'manifest' | 'blob' | 'pushManifest'>
  readonly emit: Emit
  readonly signal: AbortSignal
  /** Of the index, beside those that it has. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Milliseconds until an index that was written is read again; absent: 3 seconds. */
  readonly settle?: number
}

/** What an append came to. */
export interface Appended {
  /** What the tag stood for when the entries were last seen in it. */
  readonly digest: Digest
  /** What it stood for before; absent: it was not there. */
  readonly before?: Digest
  /** How often the index was written. */
  readonly writes: number
}

const SETTLE = 3000
/** The random pause before the index is written again, in milliseconds: it doubles with each try. */
const FIRST_PAUSE = 100
const MAX_PAUSE = 5000
const MAX_WRITES = 200
const MAX_FAILURES = 8
/** An index that was made of a reading older than this part of `settle` is made again, a few times. */
const FRESH = 0.5
const MAX_STALE = 3
/** Milliseconds for a registry to take an index. */
const PATIENCE = 30_000
/** Refusals of a condition that was right: the registry does not mean by it what it should. */
const MAX_REFUSALS = 3
/** No entity tag is like this one. */
const NEVER = `"sha256:${'0'.repeat(64)}"`

/**
 * Adds images and their attestations to the index that a tag names, in the place of those for the same platforms; any
 * number of processes may do that at once, in any order, and no entry is lost.
 *
 * Where the registry honours conditional requests, that is certain: an index is only written over the one that it was
 * made of. Others take the last that is written, so an index is written right after it was read, read again when it
 * has settled, and merged and written again when entries are missing. There, entries can only be lost to a process whose
 * request the registry carries out later than `settle` after that process has read the tag; it says so when it sees it.
 *
 * Throws TAG_CHANGED when others never leave it alone, UNSUPPORTED, BAD_PLATFORM, and what the registry says.
 */
export async function appendToTag(
  ref: Reference,
  entries: readonly Descriptor[],
  options: AppendOptions,
): Promise<Appended> {
  const { registry, signal, emit, settle = SETTLE } = options
  const name = formatReference(ref)
  // Digests that were in the places of the entries before they were written
  const before = new Set<string>()
  const counts = { writes: 0, failures: 0, refusals: 0, pauses: 0, stale: 0 }
  let honours: boolean | undefined
  let first: { readonly digest?: Digest } | undefined

  for (;;) {
    const readAt = performance.now()
    const present = await readTag(ref, options)
    const index = await present?.images()
    if (honours !== true && performance.now() - readAt > settle * FRESH && counts.stale++ < MAX_STALE) continue
    first ??= present ? { digest: present.digest } : {}
    const done = (digest: Digest): Appended => ({
      digest,
      ...compact({ before: first!.digest }),
      writes: counts.writes,
    })
    let written: Digest
    if (present && holdsExactly(index, entries)) written = present.digest
    else {
      for (const digest of inPlaceOf(index, entries))
        if (!entries.some((entry) => entry.digest === digest)) before.add(digest)
      const outcome = await write(mergeIndex(index, entries, options.annotations), present, readAt)
      if (outcome === undefined) continue
      written = outcome
    }
    const seen = honours ? written : await settled(written)
    if (seen !== undefined) return done(seen)
    await pause()
  }

  /** Writes the index once; undefined when it has to be made again. */
  async function write(merged: Document, present: PresentTag | undefined, readAt: number): Promise<Digest | undefined> {
    if (++counts.writes > MAX_WRITES) throw tooBusy()
    const how: PushManifestOptions = {
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
      once: true,
      ...conditionOf(present),
    }
    try {
      await registry.pushManifest(ref, merged, how)
    } catch (error) {
      if (signal.aborted || !(error instanceof XbuildError)) throw error
      if (error.code === 'TAG_CHANGED') {
        // Only a registry that honours conditions refuses the first one, which nothing fulfils
        if (honours === undefined) honours = true
        else if (++counts.refusals > MAX_REFUSALS && (await readTag(ref, options))?.digest === present?.digest)
          honours = false
        else await pause()
        return undefined
      }
      // The answer may be lost and the index there: what the tag says next decides
      if (!isPassing(error) || ++counts.failures > MAX_FAILURES) throw error
      await pause()
      return undefined
    }
    honours ??= false
    const took = performance.now() - readAt
    if (!honours && took > settle)
      emit({
        type: 'warning',
        message:
          `${name}: it took ${(took / 1000).toFixed(1)} s to move the tag, longer than others wait for it; ` +
          `a platform that was appended meanwhile may be missing`,
        at: Date.now(),
      })
    return merged.descriptor.digest
  }

  function conditionOf(present: PresentTag | undefined): { readonly when?: TagCondition } {
    if (honours === false) return {}
    if (honours === undefined) return { when: { etag: NEVER } }
    return { when: present ? { etag: present.etag ?? `"${present.digest}"` } : 'absent' }
  }

  /** What the tag stands for when all who read it before have written, too; undefined when entries are missing. */
  async function settled(written: Digest): Promise<Digest | undefined> {
    for (let busy = false; ; busy = true) {
      await delay(settle, undefined, { signal })
      const present = await readTag(ref, options)
      const index: ImageIndex | undefined = await present?.images()
      const held = heldEntries(index, entries, before)
      if (held === 'lost' || !present) return undefined
      if (held === 'replaced') {
        const message = `${name}: somebody else has appended another image of the same platform meanwhile`
        emit({ type: 'warning', message, at: Date.now() })
        return present.digest
      }
      // Others are at work: whoever of them has read before may come last
      if (busy || present.digest === written) return present.digest
    }
  }

  async function pause(): Promise<void> {
    const longest = Math.min(MAX_PAUSE, FIRST_PAUSE * 2 ** counts.pauses++)
    await delay(Math.random() * longest, undefined, { signal })
  }

  function tooBusy(): XbuildError {
    return new XbuildError(
      'TAG_CHANGED',
      `Cannot append to "${name}": others changed it ${MAX_WRITES} times meanwhile`,
      {
        hint: 'Append again when they are done',
      },
    )
  }
}

/** Whether another try may help. */
function isPassing(error: XbuildError): boolean {
  return error instanceof RegistryFailure ? error.transience !== 'final' : error.code === 'CANCELED'
}
