import { compact } from '../compact.ts'
import { forEachLimited } from '../host/pool.ts'
import { ATTESTATION_ARTIFACT, PREDICATE_TYPE } from '../oci/attestation.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { isManifestType } from '../oci/media-type.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { readDocument, type ImageSource } from './source.ts'

/** What says something of a manifest from outside of the index. */
export interface InspectedReferrer {
  readonly digest: string
  readonly artifactType?: string
  /** Of the statements in it, when it is an attestation or a signed one. */
  readonly predicateTypes?: readonly string[]
}

const READS = 4
/** Of one manifest; more are counted by no reader. */
const MAX_SHOWN = 100

/** What refers to each of the manifests, by digest; those that nothing refers to are absent. */
export async function inspectReferrers(
  source: ImageSource,
  subjects: readonly Descriptor[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly InspectedReferrer[]>> {
  const found = new Map<string, InspectedReferrer[]>()
  await forEachLimited(subjects, { limit: READS, signal }, async ({ digest }, inner) => {
    const { manifests } = await source.referrers(digest, inner)
    const shown = new Map<number, InspectedReferrer>()
    const entries = [...manifests.slice(0, MAX_SHOWN).entries()]
    await forEachLimited(entries, { limit: READS, signal: inner }, async ([index, one], abort) => {
      shown.set(index, await inspectReferrer(source, one, abort))
    })
    if (entries.length > 0)
      found.set(
        digest,
        entries.map(([index]) => shown.get(index)!),
      )
  })
  return found
}

/**
 * Lists tell the type of artifact and annotations, as far as who wrote them did: cosign 3 writes the type of the empty
 * config into the tag of a registry without lists. What statements of BuildKit are about only their manifest tells.
 */
async function inspectReferrer(source: ImageSource, one: Descriptor, signal: AbortSignal): Promise<InspectedReferrer> {
  const { digest, mediaType } = one
  const isReported = one.artifactType !== undefined && one.artifactType !== MEDIA_TYPE.empty
  const isStatement = one.artifactType === ATTESTATION_ARTIFACT
  const manifest =
    isManifestType(mediaType) && (!isReported || isStatement)
      ? await readDocument(source, one, signal).then(({ descriptor, bytes }) => parseAny(bytes, descriptor))
      : undefined
  const artifactType = isReported ? one.artifactType : (manifest?.artifactType ?? one.artifactType)
  const listed = { digest, ...compact({ artifactType }) }
  const signed = (one.annotations ?? manifest?.annotations)?.['dev.sigstore.bundle.predicateType']
  if (signed !== undefined) return { ...listed, predicateTypes: [signed] }
  if (artifactType !== ATTESTATION_ARTIFACT || !manifest) return listed
  return { ...listed, predicateTypes: manifest.layers.map((layer) => layer.annotations?.[PREDICATE_TYPE] ?? 'unknown') }
}
