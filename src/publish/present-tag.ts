import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { isAttestation } from '../oci/attestation.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { ImageIndex } from '../oci/manifest.ts'
import { isIndexType } from '../oci/media-type.ts'
import { MAX_CONFIG_BYTES, parseImageConfig } from '../oci/read-image-config.ts'
import { parseIndex, parseManifest } from '../oci/read-manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'
import { checked } from '../content/read-blob.ts'

/** What reading a tag needs. */
export interface ReadTagOptions {
  readonly registry: Pick<RegistryClient, 'manifest' | 'blob'>
  readonly signal: AbortSignal
}

/** What a tag stands for. */
export interface PresentTag {
  readonly digest: Digest
  readonly etag?: string
  /** Its images: those of the index, or the one image with the platform of its config. */
  images(): Promise<ImageIndex>
}

/** Reads what a tag stands for now, from the registry itself; undefined when it is not there. */
export async function readTag(ref: Reference, options: ReadTagOptions): Promise<PresentTag | undefined> {
  const { registry, signal } = options
  let found: Awaited<ReturnType<RegistryClient['manifest']>>
  try {
    found = await registry.manifest(ref, { signal, direct: true })
  } catch (error) {
    if (error instanceof XbuildError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
  const { descriptor, bytes, etag } = found
  return {
    digest: descriptor.digest,
    ...compact({ etag }),
    images: async () =>
      isIndexType(descriptor.mediaType)
        ? parseIndex(bytes, descriptor)
        : indexOfOne(descriptor, await platformOf(ref, found, options)),
  }
}

function indexOfOne({ mediaType, digest, size }: Descriptor, platform: Descriptor['platform']): ImageIndex {
  const entry: Descriptor = { mediaType, digest, size, ...compact({ platform }) }
  return { schemaVersion: 2, mediaType, manifests: isAttestation(entry) ? [] : [entry] }
}

/** The platform of an image that is alone: only its config says it. Throws BAD_IMAGE for what is no image. */
async function platformOf(
  ref: Reference,
  { descriptor, bytes }: { readonly descriptor: Descriptor; readonly bytes: Buffer },
  { registry, signal }: ReadTagOptions,
): Promise<Descriptor['platform']> {
  const { config } = parseManifest(bytes, descriptor)
  if (config.size > MAX_CONFIG_BYTES)
    throw new XbuildError('BAD_IMAGE', `Cannot read "${formatReference(ref)}": its config has ${config.size} bytes`)
  const chunks: Uint8Array[] = []
  for await (const chunk of checked(await registry.blob(ref, config, { signal }), config)) chunks.push(chunk)
  const read = parseImageConfig(Buffer.concat(chunks), config)
  const { os, architecture, variant } = read
  return {
    os,
    architecture,
    ...compact({ variant, 'os.version': read['os.version'], 'os.features': read['os.features'] }),
  }
}
