import { XbuildError } from '../errors.ts'
import type { Digest } from '../oci/descriptor.ts'
import type { Reference } from '../oci/reference.ts'
import type { Platform } from '../platform.ts'
import type { ImageSet } from './image-set.ts'
import type { PresentTag } from './present-tag.ts'
import type { PushOptions } from './push.ts'

/** What a tag was when a build began. */
export type TagBefore = Digest | 'absent' | 'unknown'

/** A reading of a tag that began before the tag can move. */
export interface EarlyReading {
  readonly tag: Promise<PresentTag | undefined>
  readonly since: number
}

/** What a tag may lose, and to whom. */
export interface MoveOptions extends PushOptions {
  /** By full reference; absent: it does not matter. */
  readonly before?: (ref: string) => Promise<TagBefore>
  /** By full reference: a reading of the tag that is under way, which saves one when it is not old. */
  readonly early?: (ref: string) => EarlyReading | undefined
  /** Tags are moved whoever changed them meanwhile. */
  readonly force?: boolean
  /** Platforms may vanish. */
  readonly allowPlatformDrop?: boolean
  /** The images are added to what the tags name. */
  readonly append?: boolean
  /** Who moves it, for messages; absent: a build. */
  readonly mover?: 'command'
  /** Optional platforms that could not be built: when they vanish, that is only said. */
  readonly missing?: readonly Platform[]
}

/** An image that is in its repositories, and the tags that are to name it. */
export interface TagMove extends MoveOptions {
  readonly set: Pick<ImageSet, 'root' | 'manifests'>
  readonly tags: readonly Reference[]
}

/** A tag and what moves it. */
export interface Target {
  readonly ref: Reference
  readonly name: string
  readonly move: TagMove
}

/** The error for a tag that others changed. */
export function tagChanged(
  { name, move: { mover } }: Target,
  digest: string | undefined,
  when: string,
  cause: XbuildError | undefined,
): XbuildError {
  const state = digest === undefined ? `it was removed ${when}` : `somebody else has set it to ${digest} ${when}`
  return new XbuildError('TAG_CHANGED', `Cannot move "${name}": ${state}`, {
    hint:
      mover === 'command'
        ? 'Look at what it names now, and move it in any case with --force'
        : 'Build again on what is there now, or move it in any case with --force; --append adds platforms to it',
    cause,
  })
}
