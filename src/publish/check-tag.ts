import { setTimeout as delay } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { toDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import { lostPlatforms } from '../oci/merge-index.ts'
import { type PresentTag, readTag } from './present-tag.ts'
import { type Target, tagChanged } from './tag-move.ts'

/** The age in milliseconds at which a reading counts no more: somebody else may have moved the tag since. */
const OLD = 1000
/** Milliseconds between readings that are refused. */
const PAUSES = [300, 1000]

/**
 * Reads a tag and makes sure that moving it undoes no work of others: it is what it was when the build began, and loses
 * no platform. Throws TAG_CHANGED, PLATFORM_LOST.
 */
export async function checkTag(target: Target, signal: AbortSignal): Promise<PresentTag | undefined> {
  const { ref, name, move } = target
  const { registry, set, emit, force = false, allowPlatformDrop = false } = move
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  let present: PresentTag | undefined
  try {
    const early = move.early?.(name)
    const young = early && Date.now() - early.since < OLD ? early.tag : undefined
    // What need not move needs no other look; a build takes one at what it moves
    if (young && move.mover !== 'command') {
      const known = await young.catch(() => undefined)
      if (known?.digest === set.root.descriptor.digest) return known
    }
    // What a command takes from a tag is looked at right before: not every registry knows conditions
    const seen = move.mover === 'command' ? await young?.catch(() => undefined) : undefined
    const isEnough = young && move.mover === 'command' && (!seen || seen.digest === set.root.descriptor.digest)
    present = await surely((isFirst) => (isFirst && isEnough && young) || readTag(ref, { registry, signal }), signal)
  } catch (error) {
    // Some registries refuse to read what is not there yet, and some users may only push
    if (!isUnreadable(error)) throw error
    if (!force || !allowPlatformDrop)
      warn(`${name}: what it is now cannot be read, so nobody knows whether it loses a platform: ${error.message}`)
    return undefined
  }
  const digest = present?.digest
  const before = force || !move.before ? 'unknown' : await move.before(name)
  if (digest === set.root.descriptor.digest) return present
  if (before !== 'unknown' && (digest ?? 'absent') !== before)
    throw tagChanged(target, digest, `during the ${move.mover ?? 'build'}`, undefined)
  if (present) await checkPlatforms(target, present, warn)
  return present
}

async function checkPlatforms(
  { ref, name, move }: Target,
  present: PresentTag,
  warn: (message: string) => void,
): Promise<void> {
  const { set, missing = [], allowPlatformDrop = false, mover } = move
  const images = await present.images().catch((error: unknown) => {
    // Whatever else a tag may name, as a chart, has no platforms
    if (error instanceof XbuildError && (error.code === 'BAD_IMAGE' || isUnreadable(error))) return undefined
    throw error
  })
  if (!images) return
  let after: readonly Descriptor[] = set.manifests.map(({ descriptor }) => descriptor)
  // An image that is alone and was copied says its platform in its config only
  if (after.some(({ platform }) => platform === undefined)) {
    const { digest } = set.root.descriptor
    after = (await (await readTag({ ...ref, digest }, move))?.images())?.manifests ?? []
  }
  const lost = lostPlatforms(images, after)
  if (lost.length === 0) return
  const optional = missing.map(
    (platform): Descriptor => ({ ...set.root.descriptor, platform: toDescriptorPlatform(platform) }),
  )
  if (allowPlatformDrop || lostPlatforms(images, [...after, ...optional]).length === 0)
    return warn(`${name} contained ${lost.join(', ')}, which this ${mover ?? 'build'} removes`)
  throw new XbuildError('PLATFORM_LOST', `Cannot move "${name}": it would lose ${lost.join(', ')}`, {
    hint:
      mover === 'command'
        ? 'Take an image that has these platforms, too, or allow it with --allow-platform-drop'
        : 'Build these platforms, too, add yours to them with --append, or allow it with --allow-platform-drop',
    facts: { platforms: lost },
  })
}

/**
 * Reads once more, and again, what cannot be read: when a reading that is refused by mistake counted, a tag would move
 * without a look at it.
 */
async function surely<T>(read: (isFirst: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const [at, pause] of PAUSES.entries()) {
    try {
      return await read(at === 0)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      await delay(pause, undefined, { signal })
    }
  }
  return read(false)
}

function isUnreadable(error: unknown): error is XbuildError {
  return error instanceof XbuildError && ['AUTH', 'UNSUPPORTED', 'DIGEST_MISMATCH'].includes(error.code)
}
