import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { Digest } from '../oci/descriptor.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { parseAny } from '../oci/any-manifest.ts'
import type { Document } from '../oci/make-manifest.ts'
import { addReferrers } from '../publish/add-referrers.ts'
import { moveTags } from '../publish/move-tags.ts'
import { readTag } from '../publish/present-tag.ts'
import { tagsBefore } from '../publish/tag-before.ts'
import type { MoveOptions } from '../publish/tag-move.ts'
import type { ImageRegistry } from './registry-source.ts'
import type { Attached } from './source.ts'
import type { ImageTarget } from './target.ts'

const NOTHING = Buffer.alloc(0)

/** What tells layers of signatures apart: the payloads of several keys are the same. */
function layersOf({ descriptor, bytes }: Document): string[] {
  return parseAny(bytes, descriptor).layers.map(({ digest, annotations = {} }) =>
    JSON.stringify([digest, Object.entries(annotations).sort()]),
  )
}

/**
 * A repository; `ref` with a tag gives the image that name, without one it is there by digest. A tag moves as `how`
 * allows.
 */
export function registryTarget(
  ref: Reference,
  registry: ImageRegistry,
  emit: Emit,
  how: Pick<MoveOptions, 'force' | 'allowPlatformDrop'> = {},
): ImageTarget {
  const at: Reference = { host: ref.host, repository: ref.repository }
  let before: MoveOptions['before']
  return {
    name: formatReference(ref),
    prepare(signal) {
      if (ref.tag !== undefined && !how.force) before = tagsBefore([ref], { registry, signal }).before
    },
    hasManifest: async ({ digest }, signal) =>
      (await registry.digestOf({ ...at, digest }, { signal }).catch(absentWhenRefused)) !== undefined,
    putBlob: (descriptor, source, signal) =>
      registry.pushBlob(at, descriptor, {
        signal,
        open: () => source.blob(descriptor, 0, signal),
        mountFrom: source.at?.host === at.host ? [source.at.repository] : [],
      }),
    putManifest: (document, signal) =>
      registry.pushManifest({ ...at, digest: document.descriptor.digest }, document, { signal }),
    async addReferrers({ digest }, referrers, signal) {
      await addReferrers(at, { subject: digest, added: referrers }, { registry, signal })
    },
    putAttached: (attached, signal) => putAttached(at, attached, { registry, signal }),
    async publish(root, entries, signal) {
      if (ref.digest !== undefined && ref.digest !== root.descriptor.digest)
        throw new XbuildError(
          'DIGEST_MISMATCH',
          `Cannot name it "${formatReference(ref)}": its digest is ${root.descriptor.digest}`,
        )
      if (ref.tag === undefined) return
      const manifests = entries.map(({ descriptor }) => ({ descriptor, bytes: NOTHING }))
      const move = { ...how, ...compact({ before }), mover: 'command' as const }
      await moveTags({ root, manifests }, [ref], { registry, emit, signal, ...move })
    },
  }
}

/** Tries of a tag that others change at the same time. */
const TRIES = 3

/** Gives a manifest its tag, when what has that tag has no signatures beside those of the manifest. */
async function putAttached(
  at: Reference,
  { tag, document }: Attached,
  { registry, signal }: { readonly registry: ImageRegistry; readonly signal: AbortSignal },
): Promise<'put' | 'known' | 'other'> {
  let refused: Digest | 'absent' | undefined
  for (let tries = 1; ; tries++) {
    let isSeen = true
    const present = await readTag({ ...at, tag }, { registry, signal }).catch((error: unknown) => {
      isSeen = false
      return absentWhenRefused(error)
    })
    if (present?.digest === document.descriptor.digest) return refused ? 'put' : 'known'
    if (present) {
      const there = await registry.manifest({ ...at, digest: present.digest }, { signal, direct: true })
      const held = new Set(layersOf(document))
      if (!layersOf(there).every((one) => held.has(one))) return 'other'
    }
    const state = present?.digest ?? 'absent'
    const when = present ? { etag: present.etag ?? `"${present.digest}"` } : 'absent'
    try {
      // A registry that refuses a condition that was right means something else by it
      await registry.pushManifest({ ...at, tag }, document, {
        signal,
        ...(refused === state && isSeen ? {} : { when }),
      })
      return 'put'
    } catch (error) {
      if (!(error instanceof XbuildError) || error.code !== 'TAG_CHANGED' || tries === TRIES) throw error
      refused = state
    }
  }
}

/** Some registries refuse to read what is not there. What else it may be, the push is refused as well. */
function absentWhenRefused(error: unknown): undefined {
  if (!(error instanceof XbuildError) || error.code !== 'AUTH') throw error
}
