import { compact } from '../compact.ts'
import type { BuiltImage } from '../content/built-image.ts'
import { readBlob, readManifest } from '../content/read-blob.ts'
import { compareLayerBlobs, type CompareEdges, type ReportedDifference } from '../content/compare-blobs.ts'
import { instructionOfLayer } from '../dockerfile/layer-instructions.ts'
import type { TargetBuild } from '../driver/target.ts'
import type { SourcePosition } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { compareDocuments } from '../oci/document-difference.ts'
import { MAX_CONFIG_BYTES } from '../oci/read-image-config.ts'

/** What differs between two builds of one image. */
export interface ImageDifference {
  readonly platform: string
  /** Layers from below, then the configuration and the manifest; at least one. */
  readonly parts: readonly DifferentPart[]
}

/** A layer, the configuration or the manifest, and what differs of it. */
export interface DifferentPart extends ReportedDifference {
  readonly what: string
  /** The instruction that made the layer. */
  readonly at?: SourcePosition
}

/** Two builds of one image. */
export interface BuiltTwice {
  readonly platform: string
  readonly first: BuiltImage
  readonly second: BuiltImage
  readonly target: TargetBuild | undefined
}

/** Fields that follow from the layers. */
const OF_LAYERS = ['rootfs.diff_ids', 'config.digest', 'config.size', 'layers']

/** Finds the first differences of every layer, and those of the configuration and the manifest. */
export async function compareImages(
  { platform, first, second, target }: BuiltTwice,
  edges: CompareEdges,
): Promise<ImageDifference> {
  const [here, there] = [await readManifest(first), await readManifest(second)]
  const parts: DifferentPart[] = []
  const count = Math.max(here.layers.length, there.layers.length)
  for (let index = 0; index < count; index += 1) {
    const [one, other] = [here.layers[index], there.layers[index]]
    if (one?.digest === other?.digest) continue
    const found =
      one && other
        ? await compareLayerBlobs({ layer: one, blobs: first.blobs }, { layer: other, blobs: second.blobs }, edges)
        : { lines: [`it is only in the ${one ? 'first' : 'second'} build`], isTime: false }
    const made = target && instructionOfLayer(target.graph, (one ? first : second).config, index)
    parts.push({ ...found, what: `layer ${index + 1} of ${count}`, ...compact({ at: made?.at }) })
  }
  const configs = [await jsonOf(first, here.config), await jsonOf(second, there.config)] as const
  parts.push(...documentPart('the configuration', configs), ...documentPart('the manifest', [here, there]))
  if (parts.length === 0)
    parts.push({ what: 'the manifest', lines: ['its JSON is written differently'], isTime: false })
  return { platform, parts }
}

function documentPart(what: string, [first, second]: readonly [unknown, unknown]): DifferentPart[] {
  const fields = compareDocuments(first, second, OF_LAYERS)
  if (fields.length === 0) return []
  return [{ what, lines: fields.map(({ text }) => text), isTime: fields.every(({ isTime }) => isTime) }]
}

async function jsonOf({ blobs }: BuiltImage, config: Descriptor): Promise<unknown> {
  return JSON.parse((await readBlob(blobs, config, MAX_CONFIG_BYTES)).toString()) as unknown
}
