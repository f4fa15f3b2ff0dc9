import { createLayerScan, type LayerFiles } from '../audit/layer-files.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { createTarReader } from '../oci/tar-reader.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { decompress } from './decompress.ts'

const KIND = 'programs'
const VERSION = 4

function keyFor(digest: string): string {
  return keyOf(['programs', VERSION, digest])
}

/** Keeps what was seen of a layer blob, so that it need not be read again. */
export async function rememberFiles(store: Store, digest: string, files: LayerFiles): Promise<void> {
  await store.records.put(KIND, keyFor(digest), { of: digest, files })
}

/**
 * The programs and links of a layer: as remembered, or read from its blob when that is in the store; nothing for a
 * layer that is elsewhere. Throws BAD_IMAGE for a damaged one.
 */
export async function layerFilesOf(
  { digest, size }: Descriptor,
  { store, signal }: { readonly store: Store; readonly signal: AbortSignal },
): Promise<LayerFiles | undefined> {
  const known = await store.records.get<{ readonly of: string; readonly files: LayerFiles }>(KIND, keyFor(digest))
  if (known?.of === digest && Array.isArray(known.files?.programs)) return known.files
  if (!(await store.blobs.has(digest, size))) return undefined
  const scan = createLayerScan()
  const reader = createTarReader(scan)
  for await (const chunk of decompress(store.blobs.path(digest), digest)) {
    signal.throwIfAborted()
    reader.write(chunk)
  }
  reader.finish()
  const files = scan.result()
  await rememberFiles(store, digest, files)
  return files
}
