import { keyOf } from '../store/key.ts'
import type { ImageLayer } from './resolved-image.ts'

/** One layer of a file system being built: a snapshot folder, a packed blob, or both. */
export interface Layer {
  /** Name of the snapshot folder. */
  readonly id: string
  /** Of a base image, or of a step that another machine ran: the blob is the original. */
  readonly image?: ImageLayer
  /** The original has other time stamps than this build wants: it is packed again. */
  readonly repack?: boolean
  /** The step changed nothing: there is no snapshot, and its blob is a layer without entries, as BuildKit makes one. */
  readonly empty: boolean
  /** Equal for layers known to be equal. */
  readonly contentKey?: string
}

/**
 * Layers of a base image as a chain; the snapshot of each is named by its chain id (image-spec config.md, "Layer
 * ChainID").
 */
export function chainOf(layers: readonly ImageLayer[]): Layer[] {
  let chain = ''
  return layers.map((image) => {
    chain = keyOf(['chain', chain, image.diffId])
    return { id: chain.slice(0, 24), image, empty: false }
  })
}
