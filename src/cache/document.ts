import { compact } from '../compact.ts'
import { MEDIA_TYPE, type Descriptor, type Digest } from '../oci/descriptor.ts'
import { readJson, type JsonField } from '../oci/json-reader.ts'
import { makeDocument, type Document } from '../oci/make-manifest.ts'
import { isLayerType } from '../oci/media-type.ts'
import { MAX_MANIFEST_BYTES, readDescriptor, readDigest } from '../oci/read-manifest.ts'

/** The config of a cache manifest. */
export const CACHE_TYPE = 'application/vnd.xbuild.cache.config.v1+json'
/** Field of an image config that holds the steps that made the image. */
export const INLINE_FIELD = 'xbuild.cache.v1'
/** Steps of a Dockerfile as long as anybody's. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024
const EMPTY = {
  mediaType: MEDIA_TYPE.empty,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
} as const

/**
 * A step that ran, for machines that have not run it: the key says what it did and on what, the layer what came of
 * it.
 */
export interface CachedStep {
  /** 64 hex digits. */
  readonly key: string
  /** RFC 3339. */
  readonly created: string
  /** Milliseconds that the step ran, if that is known. */
  readonly took?: number
  /** Absent: the step changed nothing. */
  readonly layer?: { readonly descriptor: Descriptor; readonly diffId: string }
}

/** Steps of one platform. */
export interface CacheDocument {
  /** SOURCE_DATE_EPOCH that the layers were packed with, as text; empty: none. */
  readonly stamp: string
  readonly steps: readonly CachedStep[]
}

/**
 * A cache as an image manifest, so that every registry takes it: its layers are those of the steps, its config tells
 * which is whose.
 */
export interface CacheImage {
  readonly manifest: Document
  readonly config: Document
  /** The blob of the placeholder layer when no step has one. */
  readonly empty?: Document
  readonly layers: readonly Descriptor[]
}

/** Writes a cache of one platform. Equal steps give equal bytes. */
export function makeCacheImage(cache: CacheDocument): CacheImage {
  const { steps, layers } = tableOf(cache.steps)
  const config = makeDocument(CACHE_TYPE, { version: 1, stamp: cache.stamp, steps })
  const manifest = makeDocument(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType: CACHE_TYPE,
    config: config.descriptor,
    // The image-spec wants at least one
    layers: layers.length > 0 ? layers : [EMPTY],
  })
  return {
    manifest,
    config,
    layers,
    ...(layers.length > 0 ? {} : { empty: { descriptor: EMPTY, bytes: Buffer.from('{}') } }),
  }
}

/** The inline form: `layer` counts the layers of the image that carries it. */
export function makeInlineCache(cache: CacheDocument, layersOfImage: readonly Descriptor[]): unknown {
  const steps = cache.steps.map(({ key, created, layer }) => ({
    key,
    created,
    ...(layer
      ? { layer: layersOfImage.findIndex(({ digest }) => digest === layer.descriptor.digest), diffId: layer.diffId }
      : {}),
  }))
  return { version: 1, stamp: cache.stamp, steps }
}

function tableOf(steps: readonly CachedStep[]) {
  const layers: Descriptor[] = []
  const positions = new Map<string, number>()
  const rows = steps.map(({ key, created, took, layer }) => {
    const known = { key, created, ...compact({ took }) }
    if (!layer) return known
    const { mediaType, digest, size } = layer.descriptor
    const position = positions.get(digest) ?? layers.push({ mediaType, digest, size }) - 1
    positions.set(digest, position)
    return { ...known, layer: position, diffId: layer.diffId }
  })
  return { steps: rows, layers }
}

/** What a manifest out of somebody's registry is: a cache, an image that may carry one, or something else. */
export interface OpenedManifest {
  readonly kind: 'cache' | 'image'
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

/** Reads the manifest of a cache or of an image. Throws BAD_IMAGE. */
export function openManifest(bytes: Uint8Array, descriptor: Descriptor): OpenedManifest {
  const json = readJson(bytes, { what: `cache manifest "${descriptor.digest}"`, maxBytes: MAX_MANIFEST_BYTES })
  const config = readDescriptor(json.get('config'))
  if (config.size > MAX_CONFIG_BYTES)
    json.get('config').fail(`has ${config.size} bytes, more than the ${MAX_CONFIG_BYTES} that are allowed`)
  const layers = json.get('layers').items().map(readDescriptor)
  return { kind: config.mediaType === CACHE_TYPE ? 'cache' : 'image', config, layers }
}

/**
 * Reads the steps in the config of a cache manifest, or inline in that of an image; nothing when an image carries
 * none. Throws BAD_IMAGE.
 */
export function readCache(bytes: Uint8Array, { kind, config, layers }: OpenedManifest): CacheDocument | undefined {
  const json = readJson(bytes, { what: `cache "${config.digest}"`, maxBytes: MAX_CONFIG_BYTES })
  if (kind === 'cache') return readDocument(json, layers)
  return json.get(INLINE_FIELD).optional((field) => readDocument(field, layers))
}

function readDocument(json: JsonField, layers: readonly Descriptor[]): CacheDocument {
  if (json.get('version').size() !== 1) json.get('version').fail('is not 1: a newer xbuild wrote it')
  const stamp = json.get('stamp').string()
  if (!/^\d{0,15}$/.test(stamp)) json.get('stamp').fail('is not a number of seconds')
  return {
    stamp,
    steps: json
      .get('steps')
      .items()
      .map((step) => readStep(step, layers)),
  }
}

function readStep(json: JsonField, layers: readonly Descriptor[]): CachedStep {
  const key = json.get('key').string()
  if (!/^[0-9a-f]{64}$/.test(key)) json.get('key').fail('is not the key of a step')
  const created = json.get('created').string()
  if (!/^\d{4}-\d\d-\d\dT[\d:.]{8,20}Z$/.test(created) || Number.isNaN(Date.parse(created)))
    json.get('created').fail('is not a time')
  const position = json.get('layer').optional((field) => field.size())
  const took = json.get('took').optional((field) => field.size())
  const known = { key, created, ...compact({ took }) }
  if (position === undefined) return known
  const descriptor = layers[position] ?? json.get('layer').fail('is not one of the layers')
  if (!isLayerType(descriptor.mediaType))
    json.get('layer').fail(`is "${descriptor.mediaType}", which is not a file system layer`)
  const diffId: Digest = readDigest(json.get('diffId'))
  return { ...known, layer: { descriptor, diffId } }
}
