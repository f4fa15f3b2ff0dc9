import type { CompleteOptions } from '../config/options.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { CutLine } from '../content/lines.ts'
import type { Platform } from '../platform.ts'
import type { NodeTest, TestOptions } from './driver.ts'

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
  /**
   * Runs a command in a container of an image, and removes both; `name` is what the engine has it as already. Throws
   * RUN_FAILED, EMULATOR, NODE.
   */
  test(test: EngineTest, options: TestOptions): Promise<void>
}

/** A command, and how steps of its build are run. */
export interface EngineTest extends Omit<NodeTest, 'job'> {
  readonly name?: string | undefined
  readonly options: Pick<CompleteOptions, 'network' | 'addHosts' | 'ulimits' | 'shmSize'>
  readonly cut?: CutLine | undefined
}
