import { parseAny } from '../oci/any-manifest.ts'
import { forEachLimited } from '../host/pool.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestVerifier } from '../oci/digest.ts'
import { formatPlatform, platformKey } from '../platform.ts'
import { checkManifest, type CheckEdges } from './check-manifest.ts'
import { checkReferrers } from './check-referrers.ts'
import { readRoot, type Entry } from './entries.ts'
import { createFindings, type Findings, type Problem } from './findings.ts'
import { readDocument, type ImageSource } from './source.ts'

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

/** Checks that all that an image leads to is there and is what it should be. Throws when its place cannot be asked. */
export async function verifyImage(source: ImageSource, { deep, referrers, signal }: VerifyOptions): Promise<Verified> {
  const read = await readRoot(source, signal)
  const { root, isIndex, entries, nested } = read
  const findings = createFindings({ manifests: isIndex ? 1 + nested.length : 0, signal })
  const edges = { source, findings, deep, signal }
  for (const { descriptor } of nested)
    findings.add('warning', descriptor.digest, 'is an index in the index: many programs do not look into it')
  checkPlatforms(entries, findings)
  await checkEntries(read, edges)
  const said = referrers ? await checkAllReferrers(read, edges) : 0
  await checkBlobs(edges)
  const problems = findings.problems()
  const blobs = [...findings.blobs.values()]
  return {
    name: source.name,
    digest: root.descriptor.digest,
    ok: problems.every(({ level }) => level !== 'error'),
    manifests: findings.manifests(),
    blobs: blobs.length,
    referrers: said,
    bytes: blobs.reduce((sum, { size }) => sum + size, 0),
    problems,
  }
}

type Root = Awaited<ReturnType<typeof readRoot>>

async function checkEntries({ root, isIndex, entries }: Root, edges: CheckEdges): Promise<void> {
  const { source, findings, signal } = edges
  await forEachLimited(entries, { limit: MANIFESTS, signal }, (entry, inner) =>
    findings.tell(entry.descriptor.digest, async () => {
      const document = isIndex ? await readDocument(source, entry.descriptor, inner) : root
      const manifest = parseAny(document.bytes, document.descriptor)
      findings.noteManifest(manifest)
      await checkManifest(entry, manifest, { ...edges, entries, signal: inner })
    }),
  )
}

/** Of the image, of indexes in it and of its platforms; gives back how many there are. */
async function checkAllReferrers({ root, nested, entries }: Root, edges: CheckEdges): Promise<number> {
  const subjects = new Map([root, ...nested, ...entries].map(({ descriptor }) => [descriptor.digest, descriptor]))
  let said = 0
  await forEachLimited([...subjects.values()], { limit: MANIFESTS, signal: edges.signal }, async (one, signal) => {
    const found = await checkReferrers(one, { ...edges, signal })
    said += found
  })
  return said
}

/** Checks everything that manifests name; its content too where that is wanted. */
async function checkBlobs({ source, findings, deep, signal }: CheckEdges): Promise<void> {
  await forEachLimited([...findings.blobs.values()], { limit: BLOBS, signal }, async (blob, inner) => {
    const size = await source.blobSize(blob, inner)
    if (size === undefined) return findings.add('error', blob.digest, 'is missing')
    if (size !== 'unknown' && size !== blob.size)
      return findings.add('error', blob.digest, `has ${size} bytes, its descriptor says ${blob.size}`)
    if (deep)
      await findings.tell(blob.digest, async () => {
        if (await isWhole(source, blob, inner)) return
        findings.add('error', blob.digest, 'is not what its digest says')
      })
  })
}

async function isWhole(source: ImageSource, blob: Descriptor, signal: AbortSignal): Promise<boolean> {
  const verifier = digestVerifier(blob.digest)
  let size = 0
  for await (const chunk of (await source.blob(blob, 0, signal)) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > blob.size) break
    verifier.update(chunk)
  }
  return size === blob.size && verifier.ok()
}

function checkPlatforms(entries: readonly Entry[], { add }: Findings): void {
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
