import type { CompleteOptions } from '../config/options.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { EngineImages } from './engine-images.ts'

/** Built images that stay in an engine, under a name of ours, until its driver is closed: commands are run in them. */
export interface ImagesUnderTest {
  /** Keeps the image under its name when tests want it; else, and where there is none, the name is taken away. */
  settle(
    name: string,
    of: { readonly images: EngineImages; readonly options: CompleteOptions; readonly image: BuiltImage | undefined },
  ): Promise<void>
  /** The name of the very image that was built, if the engine has it. */
  nameOf(image: BuiltImage): string | undefined
  close(): Promise<void>
}

export function createImagesUnderTest(): ImagesUnderTest {
  const kept = new Map<string, { readonly name: string; readonly images: EngineImages }>()
  return {
    async settle(name, { images, options: { test = [], sourceDateEpoch }, image }) {
      // With times of its own the result is not what the engine has
      const isKept = image && test.length > 0 && sourceDateEpoch === undefined && !kept.has(image.descriptor.digest)
      if (isKept) kept.set(image.descriptor.digest, { name, images })
      else await images.remove(name)
    },
    nameOf: ({ descriptor }) => kept.get(descriptor.digest)?.name,
    async close() {
      await Promise.all([...kept.values()].map(({ name, images }) => images.remove(name)))
      kept.clear()
    },
  }
}
