import { XbuildError } from '../errors.ts'
import type { Digest } from '../oci/descriptor.ts'
import { familiarReference, type Reference } from '../oci/reference.ts'
import { readRoot } from './entries.ts'
import { registrySource, type ImageRegistry } from './registry-source.ts'
import { mapRepository, reachedFrom, type RepositoryMap } from './repository-map.ts'

/** One thing that is removed: a manifest with all its tags, or a tag alone. */
export interface Removal {
  readonly digest: Digest
  readonly tag?: string
  /** What it is: `image`, `part of the image`, `referrer`, `list of referrers`. */
  readonly what: string
}

/** What is to be removed, in this order, and what stays though it belonged to it. */
export interface RemovalPlan {
  readonly remove: readonly Removal[]
  readonly keep: readonly { readonly digest: Digest; readonly tags: readonly string[] }[]
  /** What was asked for and is not there. */
  readonly absent: readonly Digest[]
}

interface Edges {
  readonly registry: ImageRegistry
  readonly signal: AbortSignal
}

/**
 * Plans the removal of a tag or of a digest: the parts that nothing else of the repository leads to go with it, and
 * what refers to them. `others`: tags of the repository that are to be removed, too; what is no image of any other tag
 * goes with the first of them. Throws NOT_FOUND, and BAD_OPTION for a digest that tags lead to, unless `force`.
 */
export async function planRemoval(
  ref: Reference,
  { registry, signal, force, others: asked }: Edges & { readonly force: boolean; readonly others: readonly string[] },
): Promise<RemovalPlan & { readonly tags: readonly string[] }> {
  const at: Reference = { host: ref.host, repository: ref.repository }
  const digest = await registry.digestOf(ref, { signal })
  if (digest === undefined)
    throw new XbuildError('NOT_FOUND', `Cannot remove "${familiarReference(ref)}": the registry has no such image`)
  const map = await mapRepository(at, { registry, signal })
  const tags = [...map.tags].filter(([tag, to]) => to === digest && asked.includes(tag)).map(([tag]) => tag)
  const others = (map.reached.get(digest) ?? []).filter((tag) => tag !== ref.tag && !tags.includes(tag))
  if (ref.digest === undefined && others.length > 0) {
    // Without its tag it is still an image of the others
    const tag = ref.tag ?? 'latest'
    return { remove: [{ digest, tag, what: 'tag' }], keep: [{ digest, tags: others }], absent: [], tags: [] }
  }
  const users = map.reached.get(digest) ?? []
  if (ref.digest !== undefined && users.length > 0 && !force)
    throw new XbuildError('BAD_OPTION', `Cannot remove "${familiarReference(ref)}": ${said(users)} to it`, {
      hint: 'Remove the tags, or remove it nevertheless with --force: the tags that name it go with it, and an index that names it is broken',
    })
  const isGone = (tag: string) => tag === ref.tag || map.tags.get(tag) === digest
  return { ...(await planOf([digest], at, { registry, signal, map, isGone })), tags }
}

/**
 * Plans to remove what no tag leads to: of the digests that are given, and what refers to manifests that are gone. The
 * API of registries cannot list anything else that has no tag.
 */
export async function planPrune(at: Reference, digests: readonly Digest[], edges: Edges): Promise<RemovalPlan> {
  const { registry, signal } = edges
  const map = await mapRepository(at, edges)
  const roots: Digest[] = []
  const absent: Digest[] = []
  const keep: { digest: Digest; tags: readonly string[] }[] = []
  for (const digest of new Set(digests)) {
    const tags = map.reached.get(digest) ?? (await tagsOfSubject(digest, at, { ...edges, map }))
    if (tags) keep.push({ digest, tags })
    else if ((await registry.digestOf({ ...at, digest }, { signal })) === undefined) absent.push(digest)
    else roots.push(digest)
  }
  const plan = await planOf(roots, at, { ...edges, map, isGone: () => false })
  const remove = [...plan.remove]
  /** The registry takes all tags of a manifest away with it. */
  const isShared = (list: Digest) =>
    map.attached.some(({ digest, subject }) => digest === list && map.reached.has(subject))
  for (const { tag, subject, digest } of map.attached) {
    if (map.reached.has(subject) || isShared(digest) || remove.some((one) => one.digest === digest)) continue
    if ((await registry.digestOf({ ...at, digest: subject }, { signal })) !== undefined) continue
    for (const one of await reachedFrom(digest, at, edges))
      if (!map.reached.has(one) && !remove.some((other) => other.digest === one))
        remove.push({
          digest: one,
          what: one === digest ? `list of referrers of ${subject}, which is gone (${tag})` : 'referrer',
        })
  }
  const said = plan.keep.filter(({ digest }) => !keep.some((one) => one.digest === digest))
  return { remove, keep: [...keep, ...said], absent }
}

/** A signature may have a time stamp, which may be signed. */
const MAX_SUBJECTS = 3

/** The tags of the image that a manifest says something of: no tag leads to it, and it belongs to the image. */
async function tagsOfSubject(
  digest: Digest,
  at: Reference,
  { registry, signal, map }: Edges & { readonly map: RepositoryMap },
  depth = MAX_SUBJECTS,
): Promise<readonly string[] | undefined> {
  if (depth === 0 || (await registry.digestOf({ ...at, digest }, { signal })) === undefined) return undefined
  const { manifest } = await readRoot(registrySource({ ...at, digest }, registry, { direct: true }), signal)
  const lists = map.attached.filter((one) => one.digest === digest).map(({ subject }) => subject)
  for (const subject of [...(manifest.subject ? [manifest.subject.digest] : []), ...lists]) {
    const tags = map.reached.get(subject) ?? (await tagsOfSubject(subject, at, { registry, signal, map }, depth - 1))
    if (tags) return tags
  }
  return undefined
}

/** Removes what is planned, in its order: an index before its parts, so that none without them is ever there. */
export async function removePlanned(
  { remove }: RemovalPlan,
  at: Reference,
  { registry, signal, done }: Edges & { readonly done: (removal: Removal, outcome: 'deleted' | 'absent') => void },
): Promise<void> {
  for (const removal of remove) {
    signal.throwIfAborted()
    const { tag, digest } = removal
    done(removal, await registry.deleteManifest({ ...at, ...(tag === undefined ? { digest } : { tag }) }, { signal }))
  }
}

async function planOf(
  roots: readonly Digest[],
  at: Reference,
  { registry, signal, map, isGone }: Edges & { readonly map: RepositoryMap; readonly isGone: (tag: string) => boolean },
): Promise<RemovalPlan> {
  const remove: Removal[] = []
  const keep = new Map<Digest, readonly string[]>()
  const listed = new Set<string>()
  const usersOf = (digest: string) => (map.reached.get(digest) ?? []).filter((tag) => !isGone(tag))

  /** Signatures and lists of two images may be one manifest: the registry takes all its tags away with it. */
  const isShared = (list: Digest, of: Digest) =>
    map.attached.some(
      (one) =>
        one.digest === list && one.subject !== of && !roots.includes(one.subject) && usersOf(one.subject).length > 0,
    )

  async function add(digest: Digest, what: string): Promise<void> {
    if (listed.has(digest)) return
    const users = usersOf(digest)
    if (users.length > 0 && !roots.includes(digest)) return void keep.set(digest, users)
    listed.add(digest)
    remove.push({ digest, what })
    for (const { digest: referrer } of (await registry.referrers(at, digest, { signal })).manifests)
      await add(referrer, 'referrer')
    for (const { tag, subject, digest: list } of map.attached)
      if (subject === digest && !listed.has(list) && usersOf(list).length === 0 && !isShared(list, digest)) {
        listed.add(list)
        remove.push({ digest: list, what: `list of referrers (${tag})` })
      }
  }

  for (const root of roots) {
    const [, ...parts] = await reachedFrom(root, at, { registry, signal })
    await add(root, 'image')
    for (const part of parts) await add(part, 'part of the image')
  }
  return { remove, keep: [...keep].map(([digest, tags]) => ({ digest, tags })), absent: [] }
}

function said(tags: readonly string[]): string {
  const shown = tags.slice(0, 5).join(', ')
  return `the ${tags.length === 1 ? 'tag' : 'tags'} ${shown}${tags.length > 5 ? ` and ${tags.length - 5} more` : ''} ${tags.length === 1 ? 'leads' : 'lead'}`
}
