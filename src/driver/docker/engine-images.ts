import { compact } from '../../compact.ts'
import type { Store } from '../../store/store.ts'
import type { BlobSource } from '../../content/built-image.ts'
import type { EngineImages } from '../engine-images.ts'
import { answered, removeImage } from './answers.ts'
import { type DockerEngine, engineFailure } from './engine.ts'
import { readSavedImage } from './read-image.ts'
import { testInEngine } from './test-image.ts'

/** The images of an engine as they come into `store`; `sourceDateEpoch` in seconds. */
export function engineImages(
  engine: DockerEngine,
  { store, sourceDateEpoch }: { readonly store: Store; readonly sourceDateEpoch?: number },
): EngineImages {
  const blobs: BlobSource = {
    path: async ({ digest }) => store.blobs.path(digest),
    read: async ({ digest }) => store.blobs.read(digest),
    origins: async () => [],
  }
  return {
    async read(ref, { signal, platform, id }) {
      let saved: (NodeJS.ReadableStream & { destroy(error?: Error): void }) | undefined
      const stop = () => saved?.destroy(new Error('canceled'))
      signal.addEventListener('abort', stop, { once: true })
      try {
        signal.throwIfAborted()
        saved = (await answered(engine.api.getImage(ref).get(), signal)) as typeof saved & object
        const stamp = sourceDateEpoch === undefined ? {} : { sourceDateEpoch }
        const image = await readSavedImage(saved as unknown as AsyncIterable<Buffer>, {
          store,
          endpoint: engine.endpoint,
          signal,
          ...compact({ platform, id }),
          ...stamp,
        })
        return { ...image, blobs }
      } catch (error) {
        throw signal.aborted ? signal.reason : engineFailure(engine.endpoint, error)
      } finally {
        signal.removeEventListener('abort', stop)
        saved?.destroy()
      }
    },
    remove: (ref) => removeImage(engine, ref),
    test: (test, options) => testInEngine(engine, test, options),
  }
}
