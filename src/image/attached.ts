import { XbuildError } from '../errors.ts'
import { once } from '../host/once.ts'
import type { Digest } from '../oci/descriptor.ts'
import type { Reference } from '../oci/reference.ts'
import type { Repository } from '../registry/repository.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { Attached } from './source.ts'

/** What cosign 2 attaches: signatures, attestations, lists of contents. */
const KINDS = ['sig', 'att', 'sbom']
/** Tags that are read to see which of them are attached: in repositories with more each is asked for by its name. */
const FEW = 5000

/** Finds what is attached to manifests of a repository; its tags are listed once. */
export function attachedIn(
  at: Reference,
  registry: Pick<Repository, 'tags'> & Pick<RegistryClient, 'manifest'>,
): (digest: Digest, signal: AbortSignal) => Promise<readonly Attached[]> {
  let listed: (() => Promise<ReadonlySet<string> | undefined>) | undefined
  return async (digest, signal) => {
    const known = await (listed ??= once(() => listFew(at, registry, signal)))()
    const tags = KINDS.map((kind) => `${digest.replace(':', '-')}.${kind}`).filter((tag) => known?.has(tag) ?? true)
    const found = await Promise.all(
      tags.map(async (tag): Promise<readonly Attached[]> => {
        try {
          return [{ tag, document: await registry.manifest({ ...at, tag }, { signal, direct: true }) }]
        } catch (error) {
          if (!(error instanceof XbuildError)) throw error
          // Some registries refuse to read a tag that is not there; one that was listed is there
          if (error.code === 'NOT_FOUND' || (error.code === 'AUTH' && !known)) return []
          throw error
        }
      }),
    )
    return found.flat()
  }
}

/** All tags; undefined when there are many, or the registry does not list them. */
async function listFew(
  at: Reference,
  registry: Pick<Repository, 'tags'>,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const tags = new Set<string>()
  try {
    for await (const page of registry.tags(at, { signal })) {
      for (const tag of page) tags.add(tag)
      if (tags.size > FEW) return undefined
    }
    return tags
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof XbuildError && ['AUTH', 'NOT_FOUND', 'UNSUPPORTED', 'REGISTRY'].includes(error.code))
      return undefined
    throw error
  }
}
