import { join } from 'node:path'
import type { LayerFiles } from '../audit/layer-files.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { withTemporaryFolder } from '../source/temporary.ts'
import { createBlobStore } from '../store/blobs.ts'
import type { OpenSource } from '../store/download.ts'
import type { Store } from '../store/store.ts'
import { layerFilesOf } from './layer-programs.ts'

/**
 * The programs and links of a layer that may be elsewhere: its bytes are read by `open` when nothing is known of it,
 * and thrown away then. Throws BAD_IMAGE for a damaged one, and what `open` throws.
 */
export async function fetchedLayerFiles(
  layer: Descriptor,
  { store, signal, open }: { readonly store: Store; readonly signal: AbortSignal; readonly open: OpenSource },
): Promise<LayerFiles> {
  const known = await layerFilesOf(layer, { store, signal })
  if (known) return known
  return withTemporaryFolder(store.folder, 'audit', async (folder) => {
    const blobs = createBlobStore({ ...store.folder, blobs: folder, ingest: join(folder, 'ingest') })
    await blobs.fetch(layer, open, { signal })
    return (await layerFilesOf(layer, { store: { ...store, blobs }, signal }))!
  })
}
