import type { Annotation } from '../oci/annotation.ts'
import type { Digest } from '../oci/descriptor.ts'
import type { ImageName } from '../oci/image-name.ts'
import type { Reference } from '../oci/reference.ts'
import type { Platform } from '../platform.ts'
import type { RegistryConfig } from './options.ts'
import type { SignOptions } from './sign.ts'

/** What every `xbuild image` has. */
export interface ImageCommon {
  readonly registries: Readonly<Record<string, RegistryConfig>>
  readonly json: boolean
  readonly cwd: string
}

/** `xbuild image inspect`. */
export interface InspectCommand extends ImageCommon {
  readonly verb: 'inspect'
  readonly name: ImageName
  readonly platform?: Platform
  readonly raw: boolean
  readonly referrers: boolean
}

/** `xbuild image create`. */
export interface CreateCommand extends ImageCommon {
  readonly verb: 'create'
  /** A digest alone is one of the repository of the tags. */
  readonly sources: readonly (ImageName | Digest)[]
  readonly files: readonly string[]
  readonly tags: readonly Reference[]
  readonly platforms: readonly Platform[]
  readonly annotations: readonly Annotation[]
  /** One image becomes an index of one entry; otherwise it is taken as it is. */
  readonly preferIndex: boolean
  readonly duplicates: boolean
  /** The images are added to what the tags stand for, in the place of those for the same platforms. */
  readonly append: boolean
  /** Tags are moved whoever changed them meanwhile. */
  readonly force: boolean
  /** Tags may lose platforms. */
  readonly allowPlatformDrop: boolean
  /** Nothing is written. */
  readonly dryRun: boolean
  readonly metadataFile?: string
}

/** `xbuild image ls`. */
export interface LsCommand extends ImageCommon {
  readonly verb: 'ls'
  readonly repository: Reference
}

/** `xbuild image copy`. */
export interface CopyCommand extends ImageCommon {
  readonly verb: 'copy'
  readonly from: ImageName
  readonly to: ImageName
  readonly referrers: boolean
  /** As those of `create`. */
  readonly force: boolean
  readonly allowPlatformDrop: boolean
}

/** `xbuild image verify`. */
export interface VerifyCommand extends ImageCommon {
  readonly verb: 'verify'
  readonly name: ImageName
  readonly deep: boolean
  readonly referrers: boolean
  /** The index or image must be signed with it. */
  readonly key?: string
  /** The index or image must be signed by that identity. */
  readonly identity?: { readonly name: string; readonly issuer: string }
  /** A file: whom to believe of identities; absent: whom cosign believes. */
  readonly trustedRoot?: string
}

/** `xbuild image sign`. */
export interface SignCommand extends ImageCommon {
  readonly verb: 'sign'
  readonly ref: Reference
  readonly by: Exclude<SignOptions, { readonly by: 'cosign' }>
}

/** `xbuild image audit`. */
export interface AuditCommand extends ImageCommon {
  readonly verb: 'audit'
  readonly name: ImageName
  readonly platforms: readonly Platform[]
  readonly except: readonly string[]
  readonly store?: string
}

/** `xbuild image rm`. */
export interface RmCommand extends ImageCommon {
  readonly verb: 'rm'
  readonly refs: readonly Reference[]
  readonly force: boolean
  readonly dryRun: boolean
}

/** `xbuild image prune`. */
export interface PruneCommand extends ImageCommon {
  readonly verb: 'prune'
  readonly repository: Reference
  readonly digests: readonly Digest[]
  readonly dryRun: boolean
}

/** `xbuild image ...`. */
export type ImageCommand =
  | InspectCommand
  | LsCommand
  | CreateCommand
  | CopyCommand
  | VerifyCommand
  | SignCommand
  | AuditCommand
  | RmCommand
  | PruneCommand
