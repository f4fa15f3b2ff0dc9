import type { RegistryConfig } from '../config/options.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Reference } from '../oci/reference.ts'

/** A manifest or index as the registry holds it: the exact bytes. */
export interface RemoteManifest {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
}

/** How much of a transfer is through. */
export type OnProgress = (current: number, total: number) => void

/** A distribution-spec client for all registries, with credentials, mirrors, retries. */
export interface RegistryClient {
  /** The manifest or index behind a tag or digest, digest-checked. */
  manifest(ref: Reference, options: { signal: AbortSignal }): Promise<RemoteManifest>
  /** A blob as a stream of exactly `descriptor.size` bytes from `offset` on; the caller checks the digest of the whole. */
  blob(ref: Reference, descriptor: Descriptor, options: { signal: AbortSignal; offset?: number }): Promise<NodeJS.ReadableStream>
  /** Whether the repository holds the blob. */
  hasBlob(ref: Reference, descriptor: Descriptor, options: { signal: AbortSignal }): Promise<boolean>
  /** Uploads a blob unless it is there; tries to mount it from `mountFrom` (repository names of the same host) first. */
  pushBlob(
    ref: Reference,
    descriptor: Descriptor,
    options: { signal: AbortSignal; open: () => NodeJS.ReadableStream | Promise<NodeJS.ReadableStream>; mountFrom?: readonly string[]; onProgress?: OnProgress },
  ): Promise<'exists' | 'mounted' | 'uploaded'>
  /** Puts a manifest under its digest, or under a tag when `ref` has one. */
  pushManifest(ref: Reference, manifest: RemoteManifest, options: { signal: AbortSignal }): Promise<void>
  close(): Promise<void>
}

export interface RegistryClientOptions {
  readonly registries: Readonly<Record<string, RegistryConfig>>
  /** Environment for DOCKER_CONFIG, HOME, proxies. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Said once per retry: what failed and when it is tried again. */
  readonly onRetry?: (message: string) => void
}
