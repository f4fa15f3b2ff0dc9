import { Readable } from 'node:stream'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { BlobSource, BuiltImage } from '../content/built-image.ts'
import { readBlob } from '../content/read-blob.ts'
import { annotationsFor, type Annotation } from '../oci/annotation.ts'
import { makeAttestationManifest, makeAttestationReferrer, type Attestation } from '../oci/attestation.ts'
import { MEDIA_TYPE, toDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import { makeDockerList, makeDockerManifest, makeDocument, makeIndex, type Document } from '../oci/make-manifest.ts'
import type { Manifest } from '../oci/manifest.ts'
import { toOciMediaType } from '../oci/media-type.ts'
import { parseManifest } from '../oci/read-manifest.ts'
import type { Referrer } from '../oci/referrer.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { formatPlatform, normalizePlatform, type Platform } from '../platform.ts'
import { imagePurl } from '../provenance/purl.ts'

/** What was built for one platform. */
export interface PlatformImage {
  readonly platform: Platform
  readonly image: BuiltImage
  /** What is said of it beside it in the index. */
  readonly attestations?: readonly Attestation[]
}

/** A blob and where its bytes are. */
export interface Content {
  readonly descriptor: Descriptor
  readonly source: BlobSource
}

/** Everything that a result consists of, ready to be written anywhere. */
export interface ImageSet {
  /** The index, or for one platform of which nothing is said its manifest. */
  readonly root: Document
  /** The manifest of each platform, in the order asked for, then those of attestations; `[root]` for one platform. */
  readonly manifests: readonly Document[]
  /** Configs and layers, each once. */
  readonly blobs: readonly Content[]
  /** Digest of the config, for an image of one platform. */
  readonly configDigest?: string
  /** What names one of the manifests as its subject; the blobs of it are among `blobs`. */
  readonly referrers?: readonly Referrer[]
  /** Manifests, configs and statements of attestations, if there are any: they exist nowhere else yet. */
  readonly attested?: readonly Document[]
}

/** How images are put together. */
export interface AssembleOptions {
  readonly annotations?: readonly Annotation[]
  /** Names that attestations call the images by. */
  readonly tags?: readonly Reference[]
  /** An index even for one image. */
  readonly asIndex?: boolean
  /** Docker's media types in the place of those of OCI; without annotations and attestations, which Docker's lack. */
  readonly docker?: boolean
}

/**
 * Puts the images of all platforms together. One platform gives a plain manifest, as buildx does, unless more were
 * asked for or something is said of it; several give an index. Manifests keep their bytes unless annotations are to be
 * written into them.
 */
export async function assemble(
  images: readonly PlatformImage[],
  { annotations = [], tags = [], asIndex = false, docker = false }: AssembleOptions = {},
): Promise<ImageSet> {
  const read = await Promise.all(images.map((entry) => readImage(entry, annotations)))
  const parts = docker ? read.map(withDockerTypes) : read
  const [first] = parts
  if (!first) throw new XbuildError('INTERNAL', 'Cannot publish: no image was built')
  const blobs = new Map<string, Content>()
  for (const { manifest, source } of parts) {
    for (const descriptor of [manifest.config, ...manifest.layers]) {
      if (!blobs.has(descriptor.digest)) blobs.set(descriptor.digest, { descriptor, source })
    }
  }
  const pack = <T>(isWanted: (one: Attestation) => boolean, make: Pack<T>) =>
    images.flatMap(({ attestations: all = [], platform }, index) => {
      const said = all.filter(isWanted)
      const names = tags.map((tag) => imagePurl(formatReference(tag), formatPlatform(platform)))
      return said.length > 0 ? [make(said, parts[index]!.document.descriptor, names)] : []
    })
  const attestations = pack(({ form }) => form !== 'referrers', makeAttestationManifest)
  const referrers = pack(({ form }) => form === 'referrers', makeAttestationReferrer)
  const attested = [
    ...attestations.flatMap(({ manifest, config, statements }) => [manifest, config, ...statements]),
    ...referrers.flatMap(({ manifest, blobs: own }) => [manifest, ...own]),
  ]
  for (const { descriptor, bytes } of [
    ...attestations.flatMap(({ config, statements }) => [config, ...statements]),
    ...referrers.flatMap(({ blobs: own }) => own),
  ])
    blobs.set(descriptor.digest, { descriptor, source: inMemory(bytes) })
  const documents = parts.map((part) => annotated(part, annotations))
  const isPlain = parts.length === 1 && !asIndex && attestations.length === 0
  const root = isPlain ? documents[0]! : undefined
  const manifests = root
    ? [root]
    : [...parts.map((part) => part.document), ...attestations.map(({ manifest }) => manifest)]
  const common = {
    manifests,
    blobs: [...blobs.values()],
    ...(referrers.length > 0 ? { referrers } : {}),
    ...(attested.length > 0 ? { attested } : {}),
  }
  if (root) return { ...common, root, configDigest: first.manifest.config.digest }
  const entries = attestations.map(({ manifest }) => manifest.descriptor)
  const children = documents.map(({ descriptor }) => descriptor)
  const index = makeIndex(children, annotationsFor(annotations, 'index'), entries)
  return { ...common, root: docker ? makeDockerList(index) : index }
}

/** A manifest whose descriptor has the annotations that are for it. */
function annotated({ document, platform }: ImageParts, annotations: readonly Annotation[]): Document {
  const extra = annotationsFor(annotations, 'manifest-descriptor', platform)
  if (Object.keys(extra).length === 0) return document
  const { descriptor } = document
  return { ...document, descriptor: { ...descriptor, annotations: { ...descriptor.annotations, ...extra } } }
}

type Pack<T> = (said: readonly Attestation[], image: Descriptor, names: readonly string[]) => T

/** Throws BAD_OPTION for a layer that Docker has no media type for. */
function withDockerTypes(part: ImageParts): ImageParts {
  const { manifest, document } = part
  const zstd = manifest.layers.find(({ mediaType }) => toOciMediaType(mediaType) === MEDIA_TYPE.layerZstd)
  if (zstd)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot write the image with Docker's media types: layer "${zstd.digest}" is compressed with zstd`,
      { hint: 'Add compression=gzip,force-compression=true, or leave out oci-mediatypes=false' },
    )
  const { descriptor, bytes } = makeDockerManifest(manifest)
  const { platform } = document.descriptor
  const renamed = parseManifest(bytes, descriptor)
  return {
    ...part,
    manifest: renamed,
    document: { bytes, descriptor: { ...descriptor, ...compact({ platform }) } },
  }
}

function inMemory(bytes: Buffer): BlobSource {
  return {
    path: async () => undefined,
    read: async () => Readable.from([bytes], { objectMode: false }),
    origins: async () => [],
  }
}

interface ImageParts {
  readonly document: Document
  readonly manifest: Manifest
  readonly platform: Platform
  readonly source: BlobSource
}

async function readImage({ platform, image }: PlatformImage, annotations: readonly Annotation[]): Promise<ImageParts> {
  const { descriptor, blobs: source } = image
  const bytes = await readBlob(source, descriptor)
  const manifest = parseManifest(bytes, descriptor)
  const extra = annotationsFor(annotations, 'manifest', platform)
  const document =
    Object.keys(extra).length === 0
      ? { descriptor, bytes }
      : makeDocument(manifest.mediaType, { ...manifest, annotations: { ...manifest.annotations, ...extra } })
  const { mediaType, digest, size } = document.descriptor
  const plain: Descriptor = { mediaType, digest, size, platform: toDescriptorPlatform(normalizePlatform(platform)) }
  return { document: { ...document, descriptor: plain }, manifest, platform, source }
}
