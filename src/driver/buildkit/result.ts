import { readFile } from 'node:fs/promises'
import { XbuildError } from '../../errors.ts'
import { fromDescriptorPlatform, toDescriptorPlatform, type Descriptor } from '../../oci/descriptor.ts'
import { digestVerifier, parseDigest } from '../../oci/digest.ts'
import type { ImageConfig } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-type.ts'
import { MAX_CONFIG_BYTES, parseImageConfig } from '../../oci/read-image-config.ts'
import { parseIndex, parseManifest } from '../../oci/read-manifest.ts'
import { selectPlatform } from '../../oci/select-platform.ts'
import { formatPlatform, normalizePlatform, type Platform } from '../../platform.ts'
import type { Store } from '../../store/store.ts'
import type { BlobSource, BuiltImage } from '../../content/built-image.ts'
import { blobsOf } from '../../content/image-blobs.ts'

/** The image that a daemon has put into the local store. Throws BAD_IMAGE when something of it is missing. */
export async function storedImage(
  digest: string,
  platform: Platform,
  { store, signal }: { store: Store; signal: AbortSignal },
): Promise<BuiltImage> {
  const blobs = blobsOf({ layers: [] }, { store, signal })
  let descriptor = await describe(digest, store)
  let bytes = await readFile(store.blobs.path(descriptor.digest))
  if (isIndexType(descriptor.mediaType)) {
    const found = selectPlatform(parseIndex(bytes, descriptor), platform)
    if (!found)
      throw new XbuildError(
        'NO_PLATFORM',
        `Cannot take the result ${digest}: it has no image for ${formatPlatform(platform)}`,
      )
    descriptor = found
    bytes = await readFile(await requiredPath(found, store))
  }
  const manifest = parseManifest(bytes, descriptor)
  const config = parseImageConfig(await readFile(await requiredPath(manifest.config, store)), manifest.config)
  for (const layer of manifest.layers) await requiredPath(layer, store)
  const { mediaType, size } = descriptor
  return {
    descriptor: { mediaType, digest: descriptor.digest, size, platform: toDescriptorPlatform(platform) },
    config,
    blobs,
  }
}

/** The image that a daemon has pushed to a repository. Throws BAD_IMAGE. */
export async function pushedImage(
  answer: Readonly<Record<string, string>>,
  platform: Platform,
  { repository, blobs }: { repository: string; blobs: BlobSource },
): Promise<BuiltImage> {
  const encoded = answer['containerimage.descriptor']
  if (encoded === undefined)
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot use what was pushed to "${repository}": the daemon did not return its digest`,
      { hint: 'This BuildKit is too old: update it' },
    )
  const { mediaType, digest, size } = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Descriptor
  const descriptor: Descriptor = {
    mediaType,
    digest: parseDigest(digest),
    size,
    platform: toDescriptorPlatform(platform),
  }
  const { config } = parseManifest(await readBlob(blobs, descriptor), descriptor)
  return { descriptor, config: parseImageConfig(await readBlob(blobs, config), config), blobs }
}

/** The whole of a document, checked. */
async function readBlob(blobs: BlobSource, descriptor: Descriptor): Promise<Buffer> {
  if (descriptor.size > MAX_CONFIG_BYTES)
    throw new XbuildError('BAD_IMAGE', `Cannot read ${descriptor.digest}: it has ${descriptor.size} bytes`)
  const chunks: Uint8Array[] = []
  for await (const chunk of (await blobs.read(descriptor)) as AsyncIterable<Uint8Array>) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const verifier = digestVerifier(descriptor.digest)
  verifier.update(bytes)
  if (!verifier.ok())
    throw new XbuildError('DIGEST_MISMATCH', `Cannot read ${descriptor.digest}: its content does not match its digest`)
  return bytes
}

async function describe(text: string, { blobs }: Store): Promise<Descriptor> {
  const digest = parseDigest(text)
  if (!(await blobs.has(digest))) throw missing(digest)
  const bytes = await readFile(blobs.path(digest))
  const { mediaType } = JSON.parse(bytes.toString('utf8')) as { mediaType?: unknown }
  if (typeof mediaType !== 'string')
    throw new XbuildError('BAD_IMAGE', `Cannot take the result ${digest}: it has no media type`)
  return { mediaType, digest, size: bytes.length }
}

async function requiredPath({ digest, size }: Descriptor, { blobs }: Store): Promise<string> {
  if (!(await blobs.has(digest, size))) throw missing(digest)
  return blobs.path(digest)
}

function missing(digest: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot take the result: ${digest} was not sent`, {
    hint: 'Build again; if it stays like this, update that BuildKit',
  })
}

/**
 * Whether an image is for the platform that was asked for; daemons build for another one without a word when a base
 * image is. Throws NO_PLATFORM.
 */
export function checkPlatform(config: ImageConfig, wanted: Platform, name: string): void {
  const found = normalizePlatform(fromDescriptorPlatform(config))
  const asked = normalizePlatform(wanted)
  // A config may leave the variant out
  const same =
    found.os === asked.os &&
    found.architecture === asked.architecture &&
    (found.variant === undefined || config.variant === undefined || found.variant === asked.variant)
  if (same) return
  throw new XbuildError(
    'NO_PLATFORM',
    `Cannot use what "${name}" built for ${formatPlatform(asked)}: it is for ${formatPlatform(found)}`,
    {
      hint: 'A base image is of another platform than asked for, or the Dockerfile names one in FROM --platform',
    },
  )
}
