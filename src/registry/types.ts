import type { RegistryConfig } from '../config/options.ts'
import type { Reach } from '../host/http/reach.ts'
import type { Descriptor, Digest } from '../oci/descriptor.ts'
import type { Reference } from '../oci/reference.ts'

/** A manifest or index as the registry holds it: the exact bytes. */
export interface RemoteManifest {
  readonly descriptor: Descriptor
  readonly bytes: Buffer
  /** What the registry calls this state of the tag, for `TagCondition`; absent: it says nothing. */
  readonly etag?: string
}

/**
 * What a tag must be for a push to go through, where the registry honours conditional requests (RFC 9110, If-Match and
 * If-None-Match): there is no way to know of an answer that it was honoured.
 */
export type TagCondition = 'absent' | { readonly etag: string }

/** How a manifest is put. */
export interface PushManifestOptions {
  readonly signal: AbortSignal
  /** Otherwise the push fails with TAG_CHANGED. */
  readonly when?: TagCondition
  /** A failure is not tried again: whoever asks looks at the tag before that. */
  readonly once?: boolean
}

/** What is said of a manifest by others (distribution-spec, listing referrers). */
export interface Referrers {
  /** The registry lists them by itself; otherwise they are in an index under the tag `sha256-...`. */
  readonly listed: boolean
  readonly manifests: readonly Descriptor[]
  /** What the registry calls this state of that tag. */
  readonly etag?: string
  /** Digest of what that tag stands for; absent: there is no such tag. */
  readonly digest?: Digest
  /** The registry refuses to read the tag, as some do with tags that are not there. */
  readonly refused?: true
}

/** How much of a transfer is through, in bytes; starts again from 0 when an upload is tried again. */
export type OnProgress = (current: number, total: number) => void

/** A distribution-spec client for all registries, with credentials, mirrors, retries. */
export interface RegistryClient {
  /**
   * The manifest or index behind a tag or digest, digest-checked; the digest wins when a reference has both.
   * `direct` asks the registry itself, for those who must know what a tag says now: a mirror may be behind.
   */
  manifest(ref: Reference, options: { signal: AbortSignal; direct?: boolean }): Promise<RemoteManifest>
  /**
   * A blob as a stream of exactly `descriptor.size` bytes, less the first `offset`; the caller checks the digest of the
   * whole. A broken transfer is resumed inside the stream: an error of the stream means that the retries are used up.
   */
  blob(
    ref: Reference,
    descriptor: Descriptor,
    options: { signal: AbortSignal; offset?: number },
  ): Promise<NodeJS.ReadableStream>
  /** Whether the repository holds the blob. */
  hasBlob(ref: Reference, descriptor: Descriptor, options: { signal: AbortSignal }): Promise<boolean>
  /**
   * Uploads a blob unless it is there; tries to mount it from `mountFrom` (repository names of the same host) first.
   */
  pushBlob(ref: Reference, descriptor: Descriptor, options: PushBlobOptions): Promise<'exists' | 'mounted' | 'uploaded'>
  /**
   * Puts a manifest under its digest, or under a tag when `ref` has one, and checks that the registry holds what was
   * sent.
   */
  pushManifest(ref: Reference, manifest: RemoteManifest, options: PushManifestOptions): Promise<void>
  /** The manifests whose subject is `digest`; mirrors are not asked. */
  referrers(ref: Reference, digest: Digest, options: { readonly signal: AbortSignal }): Promise<Referrers>
  /**
   * Makes sure that a repository may be written: an upload is begun and given up, nothing is stored. Throws AUTH,
   * REGISTRY.
   */
  checkPush(ref: Reference, options: { signal: AbortSignal }): Promise<void>
  /** Ends all connections; whoever still waits gets an error. */
  close(): Promise<void>
}

export interface PushBlobOptions {
  readonly signal: AbortSignal
  /** A fresh stream of the blob from its first byte; called once per attempt. */
  readonly open: () => NodeJS.ReadableStream | Promise<NodeJS.ReadableStream>
  readonly mountFrom?: readonly string[]
  readonly onProgress?: OnProgress
}

export interface RegistryClientOptions {
  readonly registries: Readonly<Record<string, RegistryConfig>>
  /** Environment for DOCKER_CONFIG, HOME, proxies. */
  readonly env: Readonly<Record<string, string | undefined>>
  /**
   * Said when things do not go straight: a retry, a mirror that is passed over, a credential file that cannot be
   * read.
   */
  readonly onRetry?: (message: string) => void
  /** What registries and their token services may be; absent: everything. One that `registries` names always may. */
  readonly reach?: Reach
  /** Told of passwords and tokens before they are used: nothing of them may be said. */
  readonly hide?: ((secret: string) => void) | undefined
  /** Milliseconds without a byte before a connection counts as broken; absent: one minute. */
  readonly idleTimeout?: number
  /** Time and chance; absent: the real ones. */
  readonly clock?: Clock
}

/** What retries and token expiry need to know of time: milliseconds, and a number in [0, 1). */
export interface Clock {
  now(): number
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
  random(): number
}
