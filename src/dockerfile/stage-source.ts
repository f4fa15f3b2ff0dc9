import type { Platform } from '../platform.ts'

/** Where a stage or a COPY --from reads from. */
export type StageSource =
  | { readonly kind: 'stage'; readonly index: number }
  /** `platform`: the one to take of the image, when it is not the platform of the stage that reads it. */
  | { readonly kind: 'image'; readonly ref: string; readonly platform?: Platform }
  | { readonly kind: 'scratch' }
  /** A `--build-context`, by its name; `platform` as for an image. */
  | { readonly kind: 'context'; readonly name: string; readonly platform?: Platform }
