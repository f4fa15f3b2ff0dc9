import { compact } from '../compact.ts'
import type { AnyManifest } from '../oci/any-manifest.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import { digestAlgorithm, digestHex } from '../oci/digest.ts'
import { isConfigType, isLayerType } from '../oci/media-type.ts'
import { parseImageConfig } from '../oci/read-image-config.ts'
import { formatPlatform, normalizePlatform, samePlatform } from '../platform.ts'
import type { Entry } from './entries.ts'
import type { Findings } from './findings.ts'
import { readDocument, type ImageSource } from './source.ts'

/** What manifests are checked with. */
export interface CheckEdges {
  readonly source: ImageSource
  readonly findings: Findings
  /** Statements are read. */
  readonly deep: boolean
  readonly signal: AbortSignal
}

/** What an attestation says of an image is small. */
const MAX_STATEMENT = 64 << 20

/** Checks a manifest of an index, or an image by itself: what it says against what the index says of it. */
export async function checkManifest(
  entry: Entry,
  manifest: AnyManifest,
  { entries, ...edges }: CheckEdges & { readonly entries: readonly Entry[] },
): Promise<void> {
  if (entry.about === undefined) {
    if (manifest.config && isConfigType(manifest.config.mediaType)) await checkConfig(entry, manifest, edges)
    return
  }
  const { about, descriptor } = entry
  if (!entries.some((one) => one.about === undefined && one.descriptor.digest === about))
    return edges.findings.add('error', descriptor.digest, `says something of ${about}, which is not in the index`)
  if (edges.deep) await checkStatements(manifest, about, edges)
}

async function checkConfig(
  entry: Entry,
  { config, layers }: AnyManifest,
  { source, findings, signal }: CheckEdges,
): Promise<void> {
  const { digest } = entry.descriptor
  await findings.tell(config!.digest, async () => {
    const read = parseImageConfig((await readDocument(source, config!, signal)).bytes, config!)
    const own = normalizePlatform(fromDescriptorPlatform(read))
    if (entry.platform && !samePlatform({ ...own, ...versionOf(entry) }, entry.platform))
      findings.add('error', digest, `is for ${formatPlatform(own)}, the index says ${formatPlatform(entry.platform)}`)
    if (read.rootfs.diff_ids.length !== layers.length)
      findings.add('error', digest, `has ${layers.length} layers, its config names ${read.rootfs.diff_ids.length}`)
    const foreign = layers.find(({ mediaType }) => !isLayerType(mediaType))
    if (foreign) findings.add('error', digest, `has a layer of type ${foreign.mediaType}, which is no file system`)
  })
}

/** Configs need not say what only an index distinguishes by. */
function versionOf({ platform }: Entry): { osVersion?: string; osFeatures?: readonly string[] } {
  const { osVersion, osFeatures } = platform!
  return { ...(osVersion ? { osVersion } : {}), ...compact({ osFeatures }) }
}

/** Checks that each statement of an attestation names the image that it is about. */
export async function checkStatements(
  { layers }: AnyManifest,
  about: string,
  { source, findings, signal }: CheckEdges,
): Promise<void> {
  for (const layer of layers)
    await findings.tell(layer.digest, async () => {
      if (await namesSubject(source, layer, { about, signal })) return
      findings.add('error', layer.digest, `is a statement that does not name ${about}`)
    })
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
