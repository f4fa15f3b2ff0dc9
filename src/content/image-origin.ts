import type { Descriptor } from '../oci/descriptor.ts'

/** A place that images come from: gives manifests by name or digest, and blobs. */
export interface ImageOrigin {
  /** As messages show it. */
  readonly name: string
  /** `host/name`, when it is one of a registry. */
  readonly repository?: string
  /** The manifest or index that the name stands for. */
  root(signal: AbortSignal): Promise<{ descriptor: Descriptor; bytes: Buffer }>
  /** A manifest, an index or a config. */
  document(descriptor: Descriptor, signal: AbortSignal): Promise<Buffer>
  /** A layer from a byte offset on. */
  blob(descriptor: Descriptor, offset: number, signal: AbortSignal): Promise<NodeJS.ReadableStream>
}
