import { readFile, stat } from 'node:fs/promises'
import { XbuildError } from '../../errors.ts'
import { fromDescriptorPlatform, toDescriptorPlatform, type Descriptor } from '../../oci/descriptor.ts'
import { digestVerifier, parseDigest } from '../../oci/digest.ts'
import type { ImageConfig } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-type.ts'
import { MAX_CONFIG_BYTES, parseImageConfig } from '../../oci/read-image-config.ts'
import { MAX_MANIFEST_BYTES, parseIndex, parseManifest } from '../../oci/read-manifest.ts'
import { selectPlatform } from '../../oci/select-platform.ts'
import { formatPlatform, normalizePlatform, type Platform } from '../../platform.ts'
import type { Store } from '../../store/store.ts'
import type { BlobSource, BuiltImage } from '../../content/built-image.ts'
import { blobsOf } from '../../content/image-blobs.ts'
import type { GivenBlobs } from './session/given.ts'

/** The image that a daemon has put into the local store. Throws BAD_IMAGE when something of it is missing. */
export async function storedImage(
  digest: string,
  platform: Platform,
  { store, given, signal }: { store: Store; given: Pick<GivenBlobs, 'has'>; signal: AbortSignal },
): Promise<BuiltImage> {
  const blobs = blobsOf({ layers: [] }, { store, signal })
  const there = { given, store }
  let { descriptor, bytes } = await describe(digest, there)
  if (isIndexType(descriptor.mediaType)) {
    const found = selectPlatform(parseIndex(bytes, descriptor), platform)
    if (!found)
      throw new XbuildError(
        'NO_PLATFORM',
        `Cannot take the result ${digest}: it has no image for ${formatPlatform(platform)}`,
      )
    descriptor = found
    bytes = await readFile(await requiredPath(found, { ...there, most: MAX_MANIFEST_BYTES }))
  }
  const manifest = parseManifest(bytes, descriptor)
  const config = parseImageConfig(
    await readFile(await requiredPath(manifest.config, { ...there, most: MAX_CONFIG_BYTES })),
    manifest.config,
  )
  for (const layer of manifest.layers) await requiredPath(layer, there)
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
  const descriptor: Descriptor = { ...pushedDescriptor(encoded, repository), platform: toDescriptorPlatform(platform) }
  const { config } = parseManifest(await readBlob(blobs, descriptor), descriptor)
  return { descriptor, config: parseImageConfig(await readBlob(blobs, config), config), blobs }
}

function pushedDescriptor(encoded: string, repository: string): Descriptor {
  try {
    const { mediaType, digest, size } = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Descriptor
    if (typeof mediaType === 'string' && Number.isSafeInteger(size) && size >= 0)
      return { mediaType, digest: parseDigest(digest), size }
  } catch {
    // as below
  }
  throw new XbuildError(
    'BAD_IMAGE',
    `Cannot use what was pushed to "${repository}": the daemon did not return a usable digest`,
  )
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

/** Blobs that the daemon has sent, and nothing else that is in the store. */
interface Arrived {
  readonly given: Pick<GivenBlobs, 'has'>
  readonly store: Store
  /** Bytes of what is read as a whole. */
  readonly most?: number
}

async function describe(text: string, there: Arrived): Promise<{ descriptor: Descriptor; bytes: Buffer }> {
  const digest = parseDigest(text)
  const size = await sizeOf(digest, there)
  const path = await requiredPath({ digest, size }, { ...there, most: MAX_MANIFEST_BYTES })
  const bytes = await readFile(path)
  const mediaType = mediaTypeIn(bytes)
  if (mediaType === undefined)
    throw new XbuildError('BAD_IMAGE', `Cannot take the result ${digest}: it has no media type`)
  return { descriptor: { mediaType, digest, size }, bytes }
}

async function sizeOf(digest: string, { given, store }: Arrived): Promise<number> {
  if (!(await given.has(digest))) throw missing(digest)
  return (await stat(store.blobs.path(digest))).size
}

function mediaTypeIn(bytes: Buffer): string | undefined {
  try {
    const { mediaType } = JSON.parse(bytes.toString('utf8')) as { mediaType?: unknown }
    return typeof mediaType === 'string' ? mediaType : undefined
  } catch {
    return undefined
  }
}

async function requiredPath(
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  { given, store, most = Infinity }: Arrived,
): Promise<string> {
  if (size > most) throw new XbuildError('BAD_IMAGE', `Cannot read ${digest}: it has ${size} bytes`)
  if (!(await given.has(digest)) || !(await store.blobs.has(digest, size))) throw missing(digest)
  return store.blobs.path(digest)
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
