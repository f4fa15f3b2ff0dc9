import { MEDIA_TYPE, type Descriptor } from './descriptor.ts'
import { makeDocument, type Document } from './make-manifest.ts'

/** A manifest that says something of another one, its subject (image-spec manifest.md, OCI 1.1). */
export interface Referrer {
  readonly subject: Descriptor
  /** With the type of artifact and the annotations that a list of referrers tells. */
  readonly manifest: Document
  /** The empty config and the contents. */
  readonly blobs: readonly Document[]
}

/** The config of what is no image. */
const EMPTY: Document = makeDocument(MEDIA_TYPE.empty, {})

/** Packs contents of any kind as an artifact that names its subject. */
export function makeReferrer(
  artifactType: string,
  contents: readonly Document[],
  { mediaType, digest, size }: Descriptor,
  annotations?: Readonly<Record<string, string>>,
): Referrer {
  const subject = { mediaType, digest, size }
  const annotated = annotations ? { annotations } : {}
  const { descriptor, bytes } = makeDocument(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType,
    config: EMPTY.descriptor,
    layers: contents.map((one) => one.descriptor),
    subject,
    ...annotated,
  })
  return {
    subject,
    manifest: { descriptor: { ...descriptor, artifactType, ...annotated }, bytes },
    blobs: [EMPTY, ...contents],
  }
}
