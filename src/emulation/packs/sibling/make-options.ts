import type { RecipeMatch } from '../recipe.ts'
import type { PackTarget } from '../targets.ts'
import type { StepSibling } from './step-sibling.ts'

/** What making a pack of an image's sibling takes. */
export interface MakeSiblingOptions {
  readonly match: RecipeMatch
  /** GOARCH of the image. */
  readonly architecture: string
  /** Build-id of the program that needs it. */
  readonly id: string
  readonly siblings: readonly StepSibling[]
  readonly host: PackTarget
  /** Folder that holds all packs. */
  readonly packs: string
  readonly signal: AbortSignal
}
