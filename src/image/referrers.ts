import { forEachLimited } from '../host/pool.ts'
import { ATTESTATION_ARTIFACT, PREDICATE_TYPE } from '../oci/attestation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isManifestType } from '../oci/media-type.ts'
import { parseAny } from './any-manifest.ts'
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

/** Lists tell the type of artifact; what statements of BuildKit are about only their manifest does. */
async function inspectReferrer(source: ImageSource, one: Descriptor, signal: AbortSignal): Promise<InspectedReferrer> {
  const { digest, artifactType, annotations } = one
  const told = { digest, ...(artifactType === undefined ? {} : { artifactType }) }
  const signed = annotations?.['dev.sigstore.bundle.predicateType']
  if (signed !== undefined) return { ...told, predicateTypes: [signed] }
  if (artifactType !== ATTESTATION_ARTIFACT || !isManifestType(one.mediaType)) return told
  const { descriptor, bytes } = await readDocument(source, one, signal)
  const { layers } = parseAny(bytes, descriptor)
  return { ...told, predicateTypes: layers.map((layer) => layer.annotations?.[PREDICATE_TYPE] ?? 'unknown') }
}
