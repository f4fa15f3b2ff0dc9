import { ATTESTATION_ARTIFACT } from '../oci/attestation.ts'
import { parseAny } from '../oci/any-manifest.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { checkStatements, type CheckEdges } from './check-manifest.ts'
import { readDocument } from './source.ts'

/** Checks what refers to a manifest, and what its tags attach to it; gives back how much that is. */
export async function checkReferrers(subject: Descriptor, edges: CheckEdges): Promise<number> {
  const { source, findings, signal } = edges
  const { manifests } = await source.referrers(subject.digest, signal)
  const referrers = manifests.filter(({ mediaType }) => !isIndexType(mediaType) && isManifestType(mediaType))
  for (const one of referrers) await findings.tell(one.digest, () => checkReferrer(one, subject, edges))
  const attached = (await source.attached?.(subject.digest, signal)) ?? []
  for (const { document } of attached)
    await findings.tell(document.descriptor.digest, async () =>
      findings.noteManifest(parseAny(document.bytes, document.descriptor)),
    )
  return referrers.length + attached.length
}

async function checkReferrer(one: Descriptor, { digest }: Descriptor, edges: CheckEdges): Promise<void> {
  const { source, findings, deep, signal } = edges
  const document = await readDocument(source, one, signal)
  const manifest = parseAny(document.bytes, document.descriptor)
  findings.noteManifest(manifest)
  const named = manifest.subject?.digest
  if (named !== digest)
    findings.add('error', one.digest, `is listed as what refers to ${digest}, but its subject is ${named ?? 'nothing'}`)
  else if (deep && manifest.artifactType === ATTESTATION_ARTIFACT) await checkStatements(manifest, digest, edges)
}
