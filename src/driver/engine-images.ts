import type { BuiltImage } from '../content/built-image.ts'
import type { Platform } from '../platform.ts'

/** The images in an engine's own store. */
export interface EngineImages {
  /**
   * Reads an image into the local store. Throws BAD_PLATFORM when it is not for `platform`, DIGEST_MISMATCH when it is not
   * the one that the engine calls `id`, NODE, BAD_IMAGE.
   */
  read(
    ref: string,
    options: { readonly signal: AbortSignal; readonly platform?: Platform; readonly id?: string },
  ): Promise<BuiltImage>
  /** Takes a name away, and the image with it unless it has others; what it was built from stays for the next build. */
  remove(ref: string): Promise<void>
}
