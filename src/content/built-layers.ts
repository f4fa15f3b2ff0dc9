import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { parseManifest } from '../oci/read-manifest.ts'
import type { Store } from '../store/store.ts'
import type { BuiltImage } from './built-image.ts'
import type { ImageLayer } from './resolved-image.ts'

/** The layers of a built image, whichever engine built it; they come into the store when somebody needs their files. */
export async function builtLayers(
  { blobs, config, descriptor }: Pick<BuiltImage, 'blobs' | 'config' | 'descriptor'>,
  store: Store,
): Promise<ImageLayer[]> {
  const { layers } = parseManifest(await buffer(await blobs.read(descriptor)), descriptor)
  return layers.map((layer, index) => ({
    descriptor: layer,
    diffId: config.rootfs.diff_ids[index]!,
    async fetch(signal) {
      if (await store.blobs.has(layer.digest, layer.size)) return
      const from = async (offset: number) => Readable.from(after(offset, await blobs.read(layer)))
      await store.blobs.fetch(layer, from, { signal })
    },
  }))
}

/** The bytes of a stream that come after an offset: sources of built images always begin at the start. */
async function* after(offset: number, stream: NodeJS.ReadableStream): AsyncGenerator<Buffer, void, undefined> {
  let passed = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const rest = chunk.subarray(Math.max(0, offset - passed))
    passed += chunk.length
    if (rest.length > 0) yield rest
  }
}
