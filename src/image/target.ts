import type { Descriptor } from '../oci/descriptor.ts'
import type { Document } from '../oci/make-manifest.ts'
import type { Entry } from './entries.ts'
import type { Attached, ImageSource } from './source.ts'

/** What became of content that was to be brought somewhere. */
export type Outcome = 'exists' | 'mounted' | 'uploaded'

/** A place that images are copied to: blobs first, then the manifests that name them, then names. */
export interface ImageTarget {
  readonly name: string
  /** Looks at what the name stands for, before anything is brought: nobody may change it meanwhile. */
  prepare?(signal: AbortSignal): void
  /** Whether the manifest is there, and so what it names. */
  hasManifest(descriptor: Descriptor, signal: AbortSignal): Promise<boolean>
  putBlob(descriptor: Descriptor, source: ImageSource, signal: AbortSignal): Promise<Outcome>
  putManifest(document: Document, signal: AbortSignal): Promise<void>
  /** Makes known what says something of `subject`: its manifests are there already. */
  addReferrers(subject: Descriptor, referrers: readonly Descriptor[], signal: AbortSignal): Promise<void>
  /** Gives a manifest its tag, when what has that tag there loses nothing; absent: there are no such tags. */
  putAttached?(attached: Attached, signal: AbortSignal): Promise<'put' | 'known' | 'other'>
  /** Gives the image its name, or writes everything: the last thing that is done. */
  publish(root: Document, entries: readonly Entry[], signal: AbortSignal): Promise<void>
}
