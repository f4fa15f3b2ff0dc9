import { forEachLimited } from '../host/pool.ts'
import type { Digest } from '../oci/descriptor.ts'
import type { Reference } from '../oci/reference.ts'
import { readRoot } from './entries.ts'
import { registrySource, type ImageRegistry } from './registry-source.ts'

/** What the tags of a repository lead to. */
export interface RepositoryMap {
  /** Tags of images, with the digest of each. */
  readonly tags: ReadonlyMap<string, Digest>
  /** Tags that stand for what refers to a digest: `sha256-...`, or cosign's with `.sig` and the like. */
  readonly attached: readonly AttachedTag[]
  /** By digest: the tags of images that lead to it. */
  readonly reached: ReadonlyMap<string, readonly string[]>
}

/** A tag that belongs to a digest. */
export interface AttachedTag {
  readonly tag: string
  readonly subject: Digest
  readonly digest: Digest
}

const AT_A_TIME = 6

/** Reads all tags of a repository and what they lead to: a request for each tag, and one for each manifest. */
export async function mapRepository(
  at: Reference,
  { registry, signal }: { readonly registry: ImageRegistry; readonly signal: AbortSignal },
): Promise<RepositoryMap> {
  const names: string[] = []
  for await (const page of registry.tags(at, { signal })) names.push(...page)
  const found = new Map<string, Digest>()
  await forEachLimited(names, { limit: AT_A_TIME, signal }, async (tag, inner) => {
    const digest = await registry.digestOf({ ...at, tag }, { signal: inner })
    if (digest !== undefined) found.set(tag, digest)
  })
  const attached = [...found].flatMap(([tag, digest]): AttachedTag[] => {
    const subject = subjectOf(tag)
    return subject === undefined ? [] : [{ tag, subject, digest }]
  })
  const tags = new Map(
    names.flatMap((tag) => (found.has(tag) && subjectOf(tag) === undefined ? [[tag, found.get(tag)!]] : [])),
  )
  const leads = new Map<string, readonly string[]>()
  await forEachLimited([...new Set(tags.values())], { limit: AT_A_TIME, signal }, async (digest, inner) => {
    leads.set(digest, await reachedFrom(digest, at, { registry, signal: inner }))
  })
  const reached = new Map<string, string[]>()
  for (const [tag, digest] of tags)
    for (const one of leads.get(digest) ?? [digest]) reached.set(one, [...(reached.get(one) ?? []), tag])
  return { tags, attached, reached }
}

/** The digests of all manifests that one leads to, itself first. */
export async function reachedFrom(
  digest: Digest,
  at: Reference,
  { registry, signal }: { readonly registry: ImageRegistry; readonly signal: AbortSignal },
): Promise<readonly Digest[]> {
  const source = registrySource({ ...at, digest }, registry, { direct: true })
  const { entries, nested } = await readRoot(source, signal)
  return [
    ...new Set([digest, ...nested.map((one) => one.descriptor.digest), ...entries.map((one) => one.descriptor.digest)]),
  ]
}

function subjectOf(tag: string): Digest | undefined {
  const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]{64,128})(?:\.[a-z]+)?$/.exec(tag) ?? []
  return algorithm !== undefined && hex !== undefined ? `${algorithm}:${hex}` : undefined
}
