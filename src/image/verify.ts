import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { forEachLimited } from '../host/pool.ts'
import { ATTESTATION_ARTIFACT } from '../oci/attestation.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex, digestVerifier } from '../oci/digest.ts'
import { isConfigType, isIndexType, isLayerType, isManifestType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { formatPlatform, normalizePlatform, platformKey, samePlatform } from '../platform.ts'
import { blobsOf, parseAny, type AnyManifest } from '../oci/any-manifest.ts'
import { readRoot, type Entry } from './entries.ts'
import { readDocument, type ImageSource } from './source.ts'

/** One thing that is wrong with an image. */
export interface Problem {
  /** `warning`: readers manage, or differ. */
  readonly level: 'error' | 'warning'
  /** The digest of what is wrong. */
  readonly digest: string
  readonly message: string
}

/** What a check of an image came to. */
export interface Verified {
  readonly name: string
  readonly digest: string
  readonly ok: boolean
  readonly manifests: number
  readonly blobs: number
  /** Manifests that refer to the image or one of its platforms. */
  readonly referrers: number
  /** Bytes of blobs, as their descriptors say. */
  readonly bytes: number
  /** Manifests of signatures by the key that was given; absent: none was. */
  readonly signatures?: readonly string[]
  readonly problems: readonly Problem[]
}

/** How thoroughly an image is checked. */
export interface VerifyOptions {
  /** Blobs are read and hashed. */
  readonly deep: boolean
  /** What refers to the image is checked, too. */
  readonly referrers: boolean
  readonly signal: AbortSignal
}

const MANIFESTS = 4
const BLOBS = 6
/** What an attestation says of an image is small. */
const MAX_STATEMENT = 64 << 20

/** Checks that all that an image leads to is there and is what it should be. Throws when its place cannot be asked. */
export async function verifyImage(source: ImageSource, { deep, referrers, signal }: VerifyOptions): Promise<Verified> {
  const problems: Problem[] = []
  const add = (level: Problem['level'], digest: string, message: string) =>
    void problems.push({ level, digest, message })
  const { root, isIndex, entries, nested } = await readRoot(source, signal)
  for (const { descriptor } of nested)
    add('warning', descriptor.digest, 'is an index in the index: many programs do not look into it')
  checkPlatforms(entries, add)
  const blobs = new Map<string, Descriptor>()
  let manifests = isIndex ? 1 + nested.length : 0
  let said = 0

  /** Runs a check; what it finds wrong with content is a problem, what prevents it is an error. */
  async function tell<T>(digest: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof XbuildError) || signal.aborted || !OF_CONTENT.has(error.code)) throw error
      add('error', digest, error.code === 'NOT_FOUND' ? 'is missing' : error.message)
      return undefined
    }
  }

  await forEachLimited(entries, { limit: MANIFESTS, signal }, async (entry, inner) => {
    const { digest } = entry.descriptor
    await tell(digest, async () => {
      const document = isIndex ? await readDocument(source, entry.descriptor, inner) : root
      const manifest = parseAny(document.bytes, document.descriptor)
      manifests++
      noteBlobs(manifest)
      if (entry.about !== undefined) await checkAttestation(entry, manifest, inner)
      else if (manifest.config && isConfigType(manifest.config.mediaType)) await checkConfig(entry, manifest, inner)
    })
  })
  const subjects = new Map([root, ...nested].map(({ descriptor }) => [descriptor.digest, descriptor]))
  for (const { descriptor } of entries) subjects.set(descriptor.digest, descriptor)
  if (referrers)
    await forEachLimited([...subjects.values()], { limit: MANIFESTS, signal }, async (one, inner) => {
      await checkReferrers(one, inner)
      await checkAttached(one, inner)
    })
  await forEachLimited([...blobs.values()], { limit: BLOBS, signal }, async (blob, inner) => {
    const size = await source.blobSize(blob, inner)
    if (size === undefined) return add('error', blob.digest, 'is missing')
    if (size !== 'unknown' && size !== blob.size)
      return add('error', blob.digest, `has ${size} bytes, its descriptor says ${blob.size}`)
    if (deep) await tell(blob.digest, () => hashBlob(blob, inner))
  })
  problems.sort((a, b) => (a.level === b.level ? (a.digest < b.digest ? -1 : 1) : a.level === 'error' ? -1 : 1))
  return {
    name: source.name,
    digest: root.descriptor.digest,
    ok: problems.every(({ level }) => level !== 'error'),
    manifests,
    blobs: blobs.size,
    referrers: said,
    bytes: [...blobs.values()].reduce((sum, { size }) => sum + size, 0),
    problems,
  }

  function noteBlobs(manifest: AnyManifest): void {
    for (const blob of blobsOf(manifest)) {
      const other = blobs.get(blob.digest)
      if (other && other.size !== blob.size)
        add('error', blob.digest, `is ${other.size} bytes for one manifest and ${blob.size} for another`)
      blobs.set(blob.digest, blob)
    }
  }

  async function checkReferrers(subject: Descriptor, abort: AbortSignal): Promise<void> {
    for (const one of (await source.referrers(subject.digest, abort)).manifests) {
      if (isIndexType(one.mediaType) || !isManifestType(one.mediaType)) continue
      said++
      await tell(one.digest, async () => {
        const document = await readDocument(source, one, abort)
        const manifest = parseAny(document.bytes, document.descriptor)
        manifests++
        noteBlobs(manifest)
        if (manifest.subject?.digest !== subject.digest)
          add(
            'error',
            one.digest,
            `is listed as what refers to ${subject.digest}, but its subject is ${manifest.subject?.digest ?? 'nothing'}`,
          )
        else if (deep && manifest.artifactType === ATTESTATION_ARTIFACT)
          await checkStatements(manifest, subject.digest, abort)
      })
    }
  }

  async function checkAttached({ digest }: Descriptor, abort: AbortSignal): Promise<void> {
    for (const { document } of (await source.attached?.(digest, abort)) ?? []) {
      said++
      manifests++
      await tell(document.descriptor.digest, async () => noteBlobs(parseAny(document.bytes, document.descriptor)))
    }
  }

  async function checkStatements({ layers }: AnyManifest, about: string, abort: AbortSignal): Promise<void> {
    for (const layer of layers)
      await tell(layer.digest, async () => {
        if (await namesSubject(source, layer, { about, signal: abort })) return
        add('error', layer.digest, `is a statement that does not name ${about}`)
      })
  }

  async function checkConfig(entry: Entry, { config, layers }: AnyManifest, abort: AbortSignal): Promise<void> {
    const { digest } = entry.descriptor
    await tell(config!.digest, async () => {
      const read = parseImageConfig((await readDocument(source, config!, abort)).bytes, config!)
      const own = normalizePlatform(fromDescriptorPlatform(read))
      if (entry.platform && !samePlatform({ ...own, ...versionOf(entry) }, entry.platform))
        add('error', digest, `is for ${formatPlatform(own)}, the index says ${formatPlatform(entry.platform)}`)
      if (read.rootfs.diff_ids.length !== layers.length)
        add('error', digest, `has ${layers.length} layers, its config names ${read.rootfs.diff_ids.length}`)
      const foreign = layers.find(({ mediaType }) => !isLayerType(mediaType))
      if (foreign) add('error', digest, `has a layer of type ${foreign.mediaType}, which is no file system`)
    })
  }

  async function checkAttestation(
    { about, descriptor }: Entry,
    manifest: AnyManifest,
    abort: AbortSignal,
  ): Promise<void> {
    if (!entries.some((one) => one.about === undefined && one.descriptor.digest === about))
      return add('error', descriptor.digest, `says something of ${about}, which is not in the index`)
    if (deep) await checkStatements(manifest, about!, abort)
  }

  async function hashBlob(blob: Descriptor, abort: AbortSignal): Promise<void> {
    const verifier = digestVerifier(blob.digest)
    let size = 0
    for await (const chunk of (await source.blob(blob, 0, abort)) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > blob.size) break
      verifier.update(chunk)
    }
    if (size !== blob.size || !verifier.ok()) add('error', blob.digest, 'is not what its digest says')
  }
}

const OF_CONTENT: ReadonlySet<string> = new Set([
  'NOT_FOUND',
  'BAD_IMAGE',
  'DIGEST_MISMATCH',
  'UNSUPPORTED',
  'BAD_REFERENCE',
])

/** Configs need not say what only an index distinguishes by. */
function versionOf({ platform }: Entry): { osVersion?: string; osFeatures?: readonly string[] } {
  const { osVersion, osFeatures } = platform!
  return { ...(osVersion ? { osVersion } : {}), ...compact({ osFeatures }) }
}

function checkPlatforms(
  entries: readonly Entry[],
  add: (level: Problem['level'], digest: string, message: string) => void,
): void {
  const seen = new Map<string, string>()
  for (const { platform, descriptor } of entries) {
    if (!platform) continue
    const key = platformKey(platform)
    const other = seen.get(key)
    if (other !== undefined)
      add(
        'warning',
        descriptor.digest,
        `is for ${formatPlatform(platform)}, as ${other} before it: readers take the first`,
      )
    else seen.set(key, descriptor.digest)
  }
}

/** Whether an in-toto statement is about an image. */
async function namesSubject(
  source: ImageSource,
  layer: Descriptor,
  { about, signal }: { readonly about: string; readonly signal: AbortSignal },
): Promise<boolean> {
  if (layer.size > MAX_STATEMENT) return false
  const chunks: Buffer[] = []
  for await (const chunk of (await source.blob(layer, 0, signal)) as AsyncIterable<Buffer>) chunks.push(chunk)
  try {
    const statement = JSON.parse(Buffer.concat(chunks).toString()) as {
      subject?: { digest?: Record<string, string> }[]
    } | null
    const digest = about as Descriptor['digest']
    return (statement?.subject ?? []).some((one) => one?.digest?.[digestAlgorithm(digest)] === digestHex(digest))
  } catch {
    return false
  }
}
