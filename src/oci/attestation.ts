import { MEDIA_TYPE, type Descriptor } from './descriptor.ts'
import { digestAlgorithm, digestHex } from './digest.ts'
import { makeDocument, makeManifest, type Document } from './make-manifest.ts'
import { makeReferrer, type Referrer } from './referrer.ts'

/** Something that is said of an image. */
export interface Attestation {
  /** URI of the kind of predicate. */
  readonly predicateType: string
  /** JSON. */
  readonly predicate: unknown
  /** Where it is kept; absent: in the index. */
  readonly form?: 'index' | 'referrers'
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

/** The type of artifact that BuildKit gives to attestations which are referrers. */
export const ATTESTATION_ARTIFACT = 'application/vnd.docker.attestation.manifest.v1+json'

/** Tells the kind of predicate of a layer that is a statement. */
export const PREDICATE_TYPE = 'in-toto.io/predicate-type'

/** Platform of what nobody is to run. */
const NOWHERE = { architecture: 'unknown', os: 'unknown' } as const

/** An in-toto statement (in-toto/attestation spec v1) as a value. */
export function makeStatement(
  { predicateType, predicate }: Attestation,
  subject: readonly Partial<Subject>[],
): unknown {
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
  const statements = makeStatements(attestations, image, names)
  const config = makeDocument(MEDIA_TYPE.config, {
    ...NOWHERE,
    config: {},
    rootfs: { type: 'layers', diff_ids: statements.map(({ descriptor }) => descriptor.digest) },
  })
  const { descriptor, bytes } = makeManifest({
    config: config.descriptor,
    layers: statements.map((one) => one.descriptor),
  })
  const annotations = {
    'vnd.docker.reference.digest': image.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  }
  return { manifest: { descriptor: { ...descriptor, annotations, platform: NOWHERE }, bytes }, config, statements }
}

/** The statements about an image under its names, with the kind of predicate in their descriptors. */
function makeStatements(
  attestations: readonly Attestation[],
  image: Descriptor,
  names: readonly string[],
): readonly Document[] {
  const digest = { [digestAlgorithm(image.digest)]: digestHex(image.digest) }
  const subjects = (names.length > 0 ? names : ['_']).map((name) => ({ name, digest }))
  return attestations.map((one) => {
    const { descriptor, bytes } = makeDocument('application/vnd.in-toto+json', makeStatement(one, subjects))
    return { descriptor: { ...descriptor, annotations: { [PREDICATE_TYPE]: one.predicateType } }, bytes }
  })
}

/** The same as a referrer of the image (BuildKit's form of an artifact), which no index has to name. */
export function makeAttestationReferrer(
  attestations: readonly Attestation[],
  image: Descriptor,
  names: readonly string[],
): Referrer {
  return makeReferrer(ATTESTATION_ARTIFACT, makeStatements(attestations, image, names), image)
}

/** Whether an entry of an index is no image but says something of one. */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return (
    annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    platform?.os === NOWHERE.os ||
    platform?.architecture === NOWHERE.architecture
  )
}
