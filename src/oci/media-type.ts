import { MEDIA_TYPE } from './descriptor.ts'

const NONDISTRIBUTABLE = 'application/vnd.oci.image.layer.nondistributable.v1.tar'

/** Docker's names for what the image-spec calls otherwise (image-spec media-types.md, compatibility matrix). */
const DOCKER_TO_OCI: Readonly<Record<string, string>> = {
  [MEDIA_TYPE.dockerList]: MEDIA_TYPE.index,
  [MEDIA_TYPE.dockerManifest]: MEDIA_TYPE.manifest,
  [MEDIA_TYPE.dockerConfig]: MEDIA_TYPE.config,
  'application/vnd.docker.image.rootfs.diff.tar': MEDIA_TYPE.layer,
  [MEDIA_TYPE.dockerLayer]: MEDIA_TYPE.layerGzip,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': MEDIA_TYPE.layerZstd,
  'application/vnd.docker.image.rootfs.foreign.diff.tar': NONDISTRIBUTABLE,
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip': `${NONDISTRIBUTABLE}+gzip`,
}

const LAYERS: ReadonlySet<string> = new Set([
  MEDIA_TYPE.layer,
  MEDIA_TYPE.layerGzip,
  MEDIA_TYPE.layerZstd,
  NONDISTRIBUTABLE,
  `${NONDISTRIBUTABLE}+gzip`,
  `${NONDISTRIBUTABLE}+zstd`,
])

/**
 * The image-spec's name of a Docker media type; every other text comes back as it is. The bytes behind both names are
 * the same.
 */
export function toOciMediaType(mediaType: string): string {
  return Object.hasOwn(DOCKER_TO_OCI, mediaType) ? DOCKER_TO_OCI[mediaType]! : mediaType
}

const OCI_TO_DOCKER: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(DOCKER_TO_OCI).map(([docker, oci]) => [oci, docker]),
)

/** Docker's name of a media type of the image-spec; every other text comes back as it is. */
export function toDockerMediaType(mediaType: string): string {
  return Object.hasOwn(OCI_TO_DOCKER, mediaType) ? OCI_TO_DOCKER[mediaType]! : mediaType
}

/** Whether the media type is that of an image index or a Docker manifest list. */
export function isIndexType(mediaType: string): boolean {
  return toOciMediaType(mediaType) === MEDIA_TYPE.index
}

/** Whether the media type is that of an image manifest, OCI or Docker schema 2. */
export function isManifestType(mediaType: string): boolean {
  return toOciMediaType(mediaType) === MEDIA_TYPE.manifest
}

/** Whether the media type is that of an image config, OCI or Docker. */
export function isConfigType(mediaType: string): boolean {
  return toOciMediaType(mediaType) === MEDIA_TYPE.config
}

/** Whether the media type is that of a file system layer. */
export function isLayerType(mediaType: string): boolean {
  return LAYERS.has(toOciMediaType(mediaType))
}
