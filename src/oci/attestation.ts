import { MEDIA_TYPE, type Descriptor } from './descriptor.ts'
import { digestAlgorithm, digestHex } from './digest.ts'
import { makeDocument, makeManifest, type Document } from './make-manifest.ts'

/** Something that is said of an image. */
export interface Attestation {
  /** URI of the kind of predicate. */
  readonly predicateType: string
  /** JSON. */
  readonly predicate: unknown
  /** The name it has beside files that are exported; absent: it goes with images only. */
  readonly file?: string
}

/** What a statement is about. */
export interface Subject {
  readonly name: string
  /** By algorithm, hex. */
  readonly digest: Readonly<Record<string, string>>
}

/**
 * An attestation as BuildKit keeps it in an index (its docs/attestations/attestation-storage.md, the form with an
 * image config).
 */
export interface AttestationManifest {
  /** With the platform and the annotations of an index entry. */
  readonly manifest: Document
  readonly config: Document
  /** The in-toto statements. */
  readonly statements: readonly Document[]
}

/** Platform of what nobody is to run. */
const NOWHERE = { architecture: 'unknown', os: 'unknown' } as const

/** An in-toto statement (in-toto/attestation spec v1) as a value. */
export function makeStatement({ predicateType, predicate }: Attestation, subject: readonly Subject[]): unknown {
  return { _type: 'https://in-toto.io/Statement/v1', predicateType, subject, predicate }
}

/**
 * Packs all that is said of an image, under the names that it will have (package URLs; without any the subject is called
 * `_`), for the index.
 */
export function makeAttestationManifest(
  attestations: readonly Attestation[],
  image: Descriptor,
  names: readonly string[],
): AttestationManifest {
  const digest = { [digestAlgorithm(image.digest)]: digestHex(image.digest) }
  const subjects = (names.length > 0 ? names : ['_']).map((name) => ({ name, digest }))
  const statements = attestations.map((one) =>
    makeDocument('application/vnd.in-toto+json', makeStatement(one, subjects)),
  )
  const config = makeDocument(MEDIA_TYPE.config, {
    ...NOWHERE,
    config: {},
    rootfs: { type: 'layers', diff_ids: statements.map(({ descriptor }) => descriptor.digest) },
  })
  const layers = statements.map(({ descriptor }, index) => ({
    ...descriptor,
    annotations: { 'in-toto.io/predicate-type': attestations[index]!.predicateType },
  }))
  const { descriptor, bytes } = makeManifest({ config: config.descriptor, layers })
  const annotations = {
    'vnd.docker.reference.digest': image.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  }
  return { manifest: { descriptor: { ...descriptor, annotations, platform: NOWHERE }, bytes }, config, statements }
}

/** Whether an entry of an index is no image but says something of one. */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return (
    annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    platform?.os === NOWHERE.os ||
    platform?.architecture === NOWHERE.architecture
  )
}
