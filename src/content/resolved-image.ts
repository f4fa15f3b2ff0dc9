import type { Descriptor } from '../oci/descriptor.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import type { Platform } from '../platform.ts'

/** A base image for one platform, resolved; its layers are fetched when somebody needs them. */
export interface ResolvedImage {
  /** As the user wrote it. */
  readonly name: string
  readonly manifest: Descriptor
  readonly config: ImageConfig
  readonly layers: readonly ImageLayer[]
  /** The image for this machine's platform in the same index, when there is one and this is another. */
  readonly sibling?: SiblingImage
}

/** An image of the same index, which is resolved when somebody asks. */
export interface SiblingImage {
  /** Of its manifest. */
  readonly digest: string
  readonly platform: Platform
  resolve(signal: AbortSignal): Promise<ResolvedImage>
}

/** A layer of a base image, packed. */
export interface ImageLayer {
  readonly descriptor: Descriptor
  readonly diffId: string
  /** Repository (`host/name`) that holds it, when it came from a registry. */
  readonly origin?: string
  /** Brings the blob into the store, if it is not there. */
  fetch(signal: AbortSignal): Promise<void>
}
