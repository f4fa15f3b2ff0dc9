import type { Descriptor } from '../oci/descriptor.ts'
import { createTarReader } from '../oci/tar-reader.ts'
import { createPackageScan } from '../sbom/layer-scan.ts'
import type { LayerPackages } from '../sbom/types.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { bringBlob } from './bring-blob.ts'
import type { BlobSource } from './built-image.ts'
import { decompress } from './decompress.ts'

const KIND = 'contents'
const VERSION = 2

/**
 * The packages that the files of a layer name: as remembered, or read from its blob, which is fetched when it is
 * elsewhere. Throws BAD_IMAGE for a damaged one.
 */
export async function layerPackagesOf(
  layer: Descriptor,
  { store, blobs, signal }: { readonly store: Store; readonly blobs: BlobSource; readonly signal: AbortSignal },
): Promise<LayerPackages> {
  const { digest } = layer
  const key = keyOf(['contents', VERSION, digest])
  const known = await store.records.get<{ readonly of: string; readonly layer: LayerPackages }>(KIND, key)
  if (known?.of === digest && Array.isArray(known.layer?.found)) return known.layer
  const file = await bringBlob(layer, { store, blobs, signal })
  const scan = createPackageScan()
  const reader = createTarReader(scan)
  for await (const chunk of decompress(file, digest)) {
    signal.throwIfAborted()
    reader.write(chunk)
  }
  reader.finish()
  const packages = scan.result()
  await store.records.put(KIND, key, { of: digest, layer: packages })
  return packages
}
