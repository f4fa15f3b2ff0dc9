import { compact } from '../compact.ts'
import { MEDIA_TYPE, type Descriptor, type DescriptorPlatform, type Digest } from './descriptor.ts'
import { parseDigest } from './digest.ts'
import { readJson, readStringMap, readStrings, type JsonField } from './json-reader.ts'
import type { ImageIndex, Manifest } from './manifest.ts'
import { isConfigType, isIndexType, isLayerType, isManifestType } from './media-type.ts'

/** What registries must accept, and so the most that an honest manifest has (distribution-spec, pushing manifests). */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024

/**
 * Reads an image manifest, OCI or Docker schema 2; the media type stays as written. The digest is the caller's to
 * check. Throws BAD_IMAGE for anything that is not one image of file system layers.
 */
export function parseManifest(bytes: Uint8Array, descriptor: Descriptor): Manifest {
  const json = open(bytes, descriptor, 'manifest')
  const mediaType = typeOf(json, descriptor, MEDIA_TYPE.manifest)
  if (isIndexType(mediaType)) json.fail('is an image index where the manifest of one image is expected')
  if (!isManifestType(mediaType)) json.get('mediaType').fail(`is "${mediaType}", which is not an image manifest`)
  refuse(json, ['manifests', 'fsLayers'])
  const config = readDescriptor(json.get('config'))
  if (!isConfigType(config.mediaType))
    json.get('config').fail(`is "${config.mediaType}": this is an artifact, not a container image`)
  const layers = json
    .get('layers')
    .items()
    .map((item) => {
      const layer = readDescriptor(item)
      return isLayerType(layer.mediaType)
        ? layer
        : item.fail(`is "${layer.mediaType}", which is not a file system layer`)
    })
  return compact({
    schemaVersion: 2 as const,
    mediaType,
    config,
    layers,
    annotations: json.get('annotations').optional(readStringMap),
  })
}

/** Reads an image index or Docker manifest list; entries of unknown media types are kept. Throws BAD_IMAGE. */
export function parseIndex(bytes: Uint8Array, descriptor: Descriptor): ImageIndex {
  const json = open(bytes, descriptor, 'index')
  const mediaType = typeOf(json, descriptor, MEDIA_TYPE.index)
  if (isManifestType(mediaType)) json.fail('is the manifest of one image where an image index is expected')
  if (!isIndexType(mediaType)) json.get('mediaType').fail(`is "${mediaType}", which is not an image index`)
  refuse(json, ['config', 'layers', 'fsLayers'])
  const manifests = json.get('manifests').items().map(readDescriptor)
  return compact({
    schemaVersion: 2 as const,
    mediaType,
    manifests,
    annotations: json.get('annotations').optional(readStringMap),
  })
}

function open(bytes: Uint8Array, descriptor: Descriptor, kind: string): JsonField {
  const json = readJson(bytes, { what: `${kind} "${descriptor.digest}"`, maxBytes: MAX_MANIFEST_BYTES })
  if (bytes.byteLength !== descriptor.size)
    json.fail(`has ${bytes.byteLength} bytes, its descriptor says ${descriptor.size}`)
  const version = json.get('schemaVersion')
  if (version.optional((field) => field.size()) === 1)
    version.fail('is 1: this old format (Docker schema 1) carries no digests and is not supported')
  if (version.size() !== 2) version.fail('is not 2')
  return json
}

/** The media type in the document wins when it is there, but must not contradict the descriptor. */
function typeOf(json: JsonField, descriptor: Descriptor, fallback: string): string {
  const written = json.get('mediaType').optional((field) => field.string())
  const announced = descriptor.mediaType || written || fallback
  if (written !== undefined && written !== announced)
    json.get('mediaType').fail(`is "${written}", its descriptor says "${announced}"`)
  return announced
}

/** One document that reads as two kinds means different images to different readers (CVE-2021-41190). */
function refuse(json: JsonField, names: readonly string[]): void {
  for (const name of names) {
    json.get(name).optional((field) => field.fail('must not be there: the document would read as two kinds at once'))
  }
}

/** Reads a descriptor (image-spec descriptor.md). */
export function readDescriptor(field: JsonField): Descriptor {
  const digest = field.get('digest')
  return compact({
    mediaType: nonEmpty(field.get('mediaType')),
    digest: readDigest(digest),
    size: field.get('size').size(),
    annotations: field.get('annotations').optional(readStringMap),
    platform: field.get('platform').optional(readPlatform),
    artifactType: field.get('artifactType').optional((inner) => inner.string()),
    urls: field.get('urls').optional(readStrings),
    data: field.get('data').optional((inner) => inner.string()),
  })
}

/** Reads a digest. */
export function readDigest(field: JsonField): Digest {
  const text = field.string()
  try {
    return parseDigest(text)
  } catch {
    return field.fail(`is "${text.slice(0, 100)}", which is not a digest`)
  }
}

/** Reads `os`, `architecture` and what may stand beside them. */
export function readPlatform(field: JsonField): DescriptorPlatform {
  return compact({
    architecture: nonEmpty(field.get('architecture')),
    os: nonEmpty(field.get('os')),
    'os.version': field.get('os.version').optional((inner) => inner.string()) || undefined,
    'os.features': field.get('os.features').optional(readStrings),
    variant: field.get('variant').optional((inner) => inner.string()) || undefined,
  })
}

function nonEmpty(field: JsonField): string {
  return field.string() || field.fail('is empty')
}
