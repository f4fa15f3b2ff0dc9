import { Readable } from 'node:stream'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Store } from '../store/store.ts'
import type { BlobSource } from './built-image.ts'

/** Brings content into the store, unless it is there; gives its file. */
export async function bringBlob(
  content: Descriptor,
  { store, blobs, signal }: { readonly store: Store; readonly blobs: BlobSource; readonly signal: AbortSignal },
): Promise<string> {
  const { digest, size } = content
  if (!(await store.blobs.has(digest, size)))
    await store.blobs.fetch(content, async (offset) => from(await blobs.read(content), offset), { signal })
  return store.blobs.path(digest)
}

/** A stream without its first bytes. */
function from(stream: NodeJS.ReadableStream, offset: number): NodeJS.ReadableStream {
  return offset === 0 ? stream : Readable.from(skip(stream, offset), { objectMode: false })
}

async function* skip(stream: NodeJS.ReadableStream, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = offset
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    if (chunk.length > left) yield chunk.subarray(left)
    left = Math.max(0, left - chunk.length)
  }
}
