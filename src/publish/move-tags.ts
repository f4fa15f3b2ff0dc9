import { setTimeout as delay } from 'node:timers/promises'
import { XbuildError } from '../errors.ts'
import { forEachLimited } from '../host/pool.ts'
import type { Digest } from '../oci/descriptor.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { RegistryFailure } from '../registry/failure.ts'
import { PATIENT, pauseBeforeRetry, systemClock } from '../registry/retry.ts'
import { appendToTag } from './append-tag.ts'
import { checkTag } from './check-tag.ts'
import { halfMoved } from './half-moved.ts'
import { type PresentTag, readTag } from './present-tag.ts'
import { type MoveOptions, tagChanged, type TagMove, type Target } from './tag-move.ts'

const AT_A_TIME = 6
/** Readings of a tag that a registry is late with, and the milliseconds between. */
const LATE = 5
const LATENESS = 300

/**
 * Points every tag at the root: the last step, when everything it leads to is in every registry. Returns the digest
 * that each tag has, by full reference. Throws as `moveAllTags`.
 */
export function moveTags(
  set: TagMove['set'],
  tags: readonly Reference[],
  options: MoveOptions,
): Promise<ReadonlyMap<string, Digest>> {
  return moveAllTags([{ ...options, set, tags }])
}

/**
 * Moves the tags of several images, when all of them may be moved: none moves before all have been read. Throws
 * TAG_CHANGED, PLATFORM_LOST, and what a registry says: with the state of each tag in `tags`.
 */
export async function moveAllTags(moves: readonly TagMove[]): Promise<ReadonlyMap<string, Digest>> {
  const targets = targetsOf(moves)
  const digests = new Map<string, Digest>()
  const [first] = moves
  if (!first) return digests
  const { signal } = first
  const present = new Map<Target, PresentTag | undefined>()
  await forEachLimited(targets, { limit: AT_A_TIME, signal }, async (target, inner) => {
    if (!target.move.append) present.set(target, await checkTag(target, inner))
  })
  // Those on their way are not stopped when one fails: nobody would know whether they arrived
  const failures: unknown[] = []
  await forEachLimited(targets, { limit: AT_A_TIME, signal }, async (target) => {
    if (failures.length > 0) return
    await moveOne(target, present.get(target)).then(
      (digest) => {
        digests.set(target.name, digest)
        target.move.onMoved?.(target.name, digest)
      },
      (error: unknown) => failures.push(error),
    )
  }).catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw await halfMoved(targets, { digests, error: failures[0] })
  return digests
}

/** Each tag once. Throws BAD_OPTION for one that is to name two images. */
function targetsOf(moves: readonly TagMove[]): Target[] {
  const targets: Target[] = []
  for (const move of moves) {
    for (const { host, repository, tag = 'latest' } of move.tags) {
      const ref = { host, repository, tag }
      const name = formatReference(ref)
      const other = move.append ? undefined : targets.find((one) => one.name === name)
      if (!other) targets.push({ ref, name, move })
      else if (other.move.set.root.descriptor.digest !== move.set.root.descriptor.digest)
        throw new XbuildError('BAD_OPTION', `Cannot tag two images "${name}"`, { hint: 'Give each image its own name' })
    }
  }
  return targets
}

async function moveOne(target: Target, present: PresentTag | undefined): Promise<Digest> {
  const { ref, move } = target
  const { root, manifests } = move.set
  if (move.append)
    return (await appendToTag(ref, entriesOf({ root, manifests }), { ...move, annotations: annotationsOf(root.bytes) }))
      .digest
  if (present?.digest !== root.descriptor.digest) {
    await put(target, present)
    // Where it matters what the tag was: otherwise who comes last may win
    if (move.before && !move.force) await checkAfter(target, present)
  }
  return root.descriptor.digest
}

/** The images and attestations that a root stands for. */
function entriesOf({ root, manifests }: TagMove['set']): TagMove['set']['root']['descriptor'][] {
  const index = JSON.parse(root.bytes.toString()) as { manifests?: TagMove['set']['root']['descriptor'][] }
  // The index says more of them than their own descriptors
  return index.manifests ?? manifests.map(({ descriptor }) => descriptor)
}

function annotationsOf(bytes: Buffer): Readonly<Record<string, string>> {
  const { manifests, annotations = {} } = JSON.parse(bytes.toString()) as {
    readonly manifests?: unknown
    readonly annotations?: Record<string, string>
  }
  return manifests === undefined ? {} : annotations
}

/** Puts the root under the tag, as long as the tag is what it was: it is looked at before each try. */
async function put(target: Target, present: PresentTag | undefined): Promise<void> {
  const { ref, move } = target
  const { registry, signal, set, force = false, emit } = move
  const say = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  let conditional = !force
  for (let failures = 1; ; failures++) {
    try {
      const when = present ? { etag: present.etag ?? `"${present.digest}"` } : 'absent'
      await registry.pushManifest(ref, set.root, { signal, once: true, ...(conditional ? { when } : {}) })
      return
    } catch (error) {
      if (!(error instanceof RegistryFailure) || signal.aborted) throw error
      const refused = error.code === 'TAG_CHANGED'
      if (!refused)
        await pauseBeforeRetry(error, failures, { signal, clock: systemClock, say, patience: PATIENT }).catch(
          async (thrown: unknown) => {
            // Nor does an answer that is final tell whether the push went through
            const now = signal.aborted ? undefined : await readTag(ref, move).catch(() => undefined)
            if (now?.digest !== set.root.descriptor.digest) throw thrown
          },
        )
      // The answer to a push that went through may be lost
      const now = await readTag(ref, move)
      if (now?.digest === set.root.descriptor.digest) return
      if (now?.digest === present?.digest) conditional = conditional && !refused
      else if (!force) throw tagChanged(target, now?.digest, 'while it was moved', error)
    }
  }
}

/** Registries that know no conditions let others move a tag at the same time: who came last is seen afterwards. */
async function checkAfter(target: Target, present: PresentTag | undefined): Promise<void> {
  const { ref, move } = target
  for (let late = 0; ; late++) {
    const now = await readTag(ref, move).catch((error: unknown) => {
      if (error instanceof XbuildError && error.code === 'AUTH') return 'unreadable' as const
      throw error
    })
    if (now === 'unreadable' || now?.digest === move.set.root.descriptor.digest) return
    if (now?.digest !== present?.digest || late === LATE)
      throw tagChanged(target, now?.digest, 'at the same time', undefined)
    await delay(LATENESS, undefined, { signal: move.signal })
  }
}
