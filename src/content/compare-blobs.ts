import { toXbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { compareLayers, describeFile, type LayerDifference } from '../oci/layer-difference.ts'
import { createBlockCapture, createLayerIndex } from '../oci/layer-index.ts'
import { createTarReader, type TarSink } from '../oci/tar-reader.ts'
import type { Store } from '../store/store.ts'
import { bringBlob } from './bring-blob.ts'
import type { BlobSource } from './built-image.ts'
import { decompress } from './decompress.ts'

/** What the differences of layers are read with. */
export interface CompareEdges {
  readonly store: Store
  readonly signal: AbortSignal
}

/** A layer, and where its bytes are. */
export interface LayerBlob {
  readonly layer: Descriptor
  readonly blobs: BlobSource
}

/** What differs between two layers, in lines, and whether that is nothing but times of files. */
export interface ReportedDifference {
  readonly lines: readonly string[]
  readonly isTime: boolean
}

/** Reads two layers that should be equal and says what differs; one that cannot be read is a line, too. */
export async function compareLayerBlobs(
  first: LayerBlob,
  second: LayerBlob,
  edges: CompareEdges,
): Promise<ReportedDifference> {
  try {
    const found = compareLayers(await indexOf(first, edges), await indexOf(second, edges))
    const wanted = new Map(
      found.files.flatMap(({ path, content }) => (content ? [[path, content.block] as const] : [])),
    )
    const [here, there] = [await blocksOf(first, wanted, edges), await blocksOf(second, wanted, edges)]
    const files = found.files.map((one) => describeFile(one, [here.get(one.path), there.get(one.path)]))
    return { lines: [...files, ...moreOf(found), ...found.notes], isTime: found.isTime }
  } catch (thrown) {
    edges.signal.throwIfAborted()
    const { code, message } = toXbuildError(thrown)
    if (code !== 'BAD_IMAGE' && code !== 'UNSUPPORTED') throw thrown
    return { lines: [`the files cannot be compared: ${message}`], isTime: false }
  }
}

function moreOf({ more }: LayerDifference): string[] {
  return more === 0 ? [] : [`and ${more} more ${more === 1 ? 'file' : 'files'}`]
}

async function indexOf(blob: LayerBlob, edges: CompareEdges) {
  const index = createLayerIndex()
  await readLayer(blob, index, edges)
  return index.result()
}

async function blocksOf(
  blob: LayerBlob,
  wanted: ReadonlyMap<string, number>,
  edges: CompareEdges,
): Promise<ReadonlyMap<string, Buffer>> {
  const capture = createBlockCapture(wanted)
  if (wanted.size > 0) await readLayer(blob, capture, edges)
  return capture.result()
}

async function readLayer({ layer, blobs }: LayerBlob, sink: TarSink, edges: CompareEdges): Promise<void> {
  const reader = createTarReader(sink)
  for await (const chunk of decompress(await bringBlob(layer, { ...edges, blobs }), layer.digest)) {
    edges.signal.throwIfAborted()
    reader.write(chunk)
  }
  reader.finish()
}
