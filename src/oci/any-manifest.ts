import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Descriptor } from './descriptor.ts'
import { readJson, readStringMap } from './json-reader.ts'
import { isIndexType, isManifestType } from './media-type.ts'
import { MAX_MANIFEST_BYTES, readDescriptor } from './read-manifest.ts'

/** What a manifest or an index leads to, whatever it is of: an image, an attestation, a signature. */
export interface AnyManifest {
  /** The entries of an index; undefined for a manifest. */
  readonly manifests?: readonly Descriptor[]
  readonly config?: Descriptor
  readonly layers: readonly Descriptor[]
  /** What it says something of. */
  readonly subject?: Descriptor
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** Reads a manifest or an index of any content. Throws BAD_IMAGE for what is neither, or could be read as both. */
export function parseAny(bytes: Uint8Array, { mediaType, digest, size }: Descriptor): AnyManifest {
  const json = readJson(bytes, { what: `manifest "${digest}"`, maxBytes: MAX_MANIFEST_BYTES })
  if (bytes.byteLength !== size) json.fail(`has ${bytes.byteLength} bytes, its descriptor says ${size}`)
  if (json.get('schemaVersion').size() !== 2) json.get('schemaVersion').fail('is not 2')
  const written = json.get('mediaType').optional((field) => field.string())
  if (written !== undefined && written !== mediaType)
    json.get('mediaType').fail(`is "${written}", its descriptor says "${mediaType}"`)
  const isIndex = isIndexType(mediaType)
  if (!isIndex && !isManifestType(mediaType))
    throw new XbuildError('BAD_IMAGE', `Cannot read "${digest}": ${mediaType.slice(0, 100)} is no manifest`)
  for (const name of isIndex ? ['config', 'layers', 'fsLayers'] : ['manifests', 'fsLayers'])
    json.get(name).optional((field) => field.fail('must not be there: the document would read as two kinds at once'))
  const common = {
    subject: json.get('subject').optional(readDescriptor),
    artifactType: json.get('artifactType').optional((field) => field.string()),
    annotations: json.get('annotations').optional(readStringMap),
  }
  if (isIndex) return compact({ manifests: json.get('manifests').items().map(readDescriptor), layers: [], ...common })
  const layers = json.get('layers').optional((field) => field.items().map(readDescriptor)) ?? []
  return compact({ config: readDescriptor(json.get('config')), layers, ...common })
}

/** The blobs of a manifest that a registry holds, each once; layers that are only named by a URL are not among them. */
export function blobsOf({ config, layers }: AnyManifest): Descriptor[] {
  const found = new Map<string, Descriptor>()
  for (const blob of [...(config ? [config] : []), ...layers])
    if (!/nondistributable|\.foreign\./.test(blob.mediaType) || !blob.urls?.length) found.set(blob.digest, blob)
  return [...found.values()]
}
