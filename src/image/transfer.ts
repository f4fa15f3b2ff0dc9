import { compact } from '../compact.ts'
import type { Emit } from '../events.ts'
import { forEachLimited } from '../host/pool.ts'
import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestHex } from '../oci/digest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { blobsOf, parseAny } from '../oci/any-manifest.ts'
import type { Referrers } from '../registry/types.ts'
import { type Attached, readDocument, type ImageSource } from './source.ts'
import type { ImageTarget } from './target.ts'

/** How content is brought from one place to another. */
export interface TransferOptions {
  readonly source: ImageSource
  readonly target: ImageTarget
  /** What says something of what is copied comes, too. */
  readonly referrers: boolean
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** What was moved. */
export interface Transferred {
  readonly manifests: number
  readonly blobs: { readonly exists: number; readonly mounted: number; readonly uploaded: number }
  /** Bytes of blobs that were sent. */
  readonly bytes: number
  readonly referrers: number
}

/** Manifests, and blobs of one manifest, on their way at a time. */
const MANIFESTS = 3
const BLOBS = 4
/** An attestation may be signed, and its signature may have a time stamp. */
const MAX_REFERRER_DEPTH = 3
const MAX_REFERRERS = 1000

/** A manifest that is brought, and the answers of who was asked what belongs to it. */
interface Fresh {
  readonly descriptor: Descriptor
  readonly found?: Promise<Referrers>
  readonly attached?: Promise<readonly Attached[]>
}

/** Makes a mover between two places, which brings each thing once. */
export function createTransfer({ source, target, referrers, emit, signal }: TransferOptions): {
  /** Brings manifests with all that they lead to; an index after what it names. */
  bring(descriptors: readonly Descriptor[]): Promise<void>
  result(): Transferred
} {
  const counts = { manifests: 0, exists: 0, mounted: 0, uploaded: 0, bytes: 0, referrers: 0 }
  const brought = new Map<string, Promise<void>>()
  /** Manifests that are brought; what is said of them comes when they all are, at the next depth. */
  let fresh: Fresh[] = []
  let depth = 0

  function once(key: string, work: () => Promise<void>): Promise<void> {
    const known = brought.get(key) ?? work()
    brought.set(key, known)
    return known
  }

  /** With what it names: that cannot name it again, whereas lists of what refers to it may say anything. */
  const manifest = (descriptor: Descriptor, abort: AbortSignal): Promise<void> =>
    once(descriptor.digest, async () => {
      if (!isIndexType(descriptor.mediaType) && !isManifestType(descriptor.mediaType)) return unknownKind(descriptor)
      // Asked for beside each other: every round trip counts when nothing is to be moved
      const found =
        referrers && depth < MAX_REFERRER_DEPTH ? early(source.referrers(descriptor.digest, abort)) : undefined
      const attached =
        referrers && depth === 0 && target.putAttached ? early(source.attached?.(descriptor.digest, abort)) : undefined
      fresh.push({ descriptor, ...compact({ found, attached }) })
      const isThere = await target.hasManifest(descriptor, abort)
      // What a manifest names is there with it; an index may name what its registry removed since
      if (!isThere || isIndexType(descriptor.mediaType)) {
        const document = await readDocument(source, descriptor, abort)
        const content = parseAny(document.bytes, descriptor)
        await forEachLimited(content.manifests ?? [], { limit: MANIFESTS, signal: abort }, (one, inner) =>
          manifest(one, inner),
        )
        await forEachLimited(isThere ? [] : blobsOf(content), { limit: BLOBS, signal: abort }, blob)
        if (!isThere) {
          await target.putManifest(document, abort)
          counts.manifests++
        }
      }
    })

  const blob = (descriptor: Descriptor, abort: AbortSignal): Promise<void> =>
    once(`blob ${descriptor.digest}`, async () => {
      const outcome = await target.putBlob(descriptor, source, abort)
      counts[outcome]++
      if (outcome !== 'uploaded') return
      counts.bytes += descriptor.size
      const name = `copied ${digestHex(descriptor.digest).slice(0, 12)} to ${target.name}`
      const { size } = descriptor
      emit({
        type: 'transfer',
        id: `copy ${descriptor.digest}`,
        name,
        current: size,
        total: size,
        done: true,
        at: Date.now(),
      })
    })

  async function bring(descriptors: readonly Descriptor[]): Promise<void> {
    depth = 0
    await forEachLimited(descriptors, { limit: MANIFESTS, signal }, manifest)
    while (fresh.length > 0) {
      const subjects = fresh
      fresh = []
      depth++
      await forEachLimited(subjects, { limit: MANIFESTS, signal }, async ({ descriptor, found, attached }, abort) => {
        if (found) await bringReferrers(descriptor, (await found).manifests, abort)
        await bringAttached((await attached) ?? [], abort)
      })
    }
  }

  async function bringReferrers(subject: Descriptor, found: readonly Descriptor[], abort: AbortSignal): Promise<void> {
    if (found.length === 0) return
    counts.referrers += found.length
    if (counts.referrers > MAX_REFERRERS)
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot copy "${source.name}": more than ${MAX_REFERRERS} manifests refer to it`,
      )
    for (const one of found) await manifest(one, abort)
    await target.addReferrers(subject, found, abort)
  }

  async function bringAttached(attached: readonly Attached[], abort: AbortSignal): Promise<void> {
    for (const one of attached) {
      const { bytes, descriptor } = one.document
      await forEachLimited(blobsOf(parseAny(bytes, descriptor)), { limit: BLOBS, signal: abort }, blob)
      const outcome = await target.putAttached?.(one, abort)
      if (outcome === 'put') counts.referrers++
      if (outcome === 'other')
        emit({
          type: 'warning',
          message: `${one.tag} of ${source.name} is not copied: ${target.name} has other signatures under this tag`,
          at: Date.now(),
        })
    }
  }

  function unknownKind({ mediaType, digest }: Descriptor): never {
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot copy "${digest}" of "${source.name}": ${mediaType.slice(0, 100)} is no manifest`,
    )
  }

  return {
    bring,
    result: () => {
      const { manifests, exists, mounted, uploaded, bytes, referrers: count } = counts
      return { manifests, blobs: { exists, mounted, uploaded }, bytes, referrers: count }
    },
  }
}

/** A promise that is awaited later, or never when something else fails before. */
function early<T extends Promise<unknown> | undefined>(promise: T): T {
  promise?.catch(() => {})
  return promise
}
