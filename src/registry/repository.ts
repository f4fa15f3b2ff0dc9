import type { Digest } from '../oci/descriptor.ts'
import { parseDigest } from '../oci/digest.ts'
import { type Reference, familiarReference } from '../oci/reference.ts'
import { type Endpoint, registryEndpoint } from './endpoint.ts'
import { RegistryFailure, discard } from './failure.ts'
import { askHead } from './head.ts'
import { ACCEPT, headerDigest, readManifest } from './manifest.ts'
import type { Connection } from './mirrors.ts'
import { patiently } from './pages.ts'
import { pullScope } from './pull.ts'
import { listReferrers } from './referrers.ts'
import { listTags } from './tags.ts'
import type { Referrers } from './types.ts'

/** What can be asked of a repository beside its images, and what can be removed from it; mirrors are not asked. */
export interface Repository {
  /** The digest that a tag or digest stands for; undefined when it is not there. */
  digestOf(ref: Reference, options: { readonly signal: AbortSignal }): Promise<Digest | undefined>
  /** The size of a blob in bytes, `'unknown'` where the registry does not say it; undefined when it is not there. */
  blobSize(
    ref: Reference,
    digest: Digest,
    options: { readonly signal: AbortSignal },
  ): Promise<number | 'unknown' | undefined>
  /** The tags, one page after the other. Throws NOT_FOUND when there is no such repository. */
  tags(ref: Reference, options: { readonly signal: AbortSignal }): AsyncGenerator<readonly string[], void, undefined>
  /** The manifests whose subject is `digest`. */
  referrers(ref: Reference, digest: Digest, options: { readonly signal: AbortSignal }): Promise<Referrers>
  /**
   * Removes the manifest that a digest names, with all its tags, or a tag alone. Throws UNSUPPORTED where the registry
   * does not do it.
   */
  deleteManifest(ref: Reference, options: { readonly signal: AbortSignal }): Promise<'deleted' | 'absent'>
}

/** The operations of a connection on repositories. */
export function repositoryOf(connection: Connection): Repository {
  const at = (ref: Reference): Endpoint => registryEndpoint(ref, connection.registries)

  return {
    digestOf: (ref, { signal }) =>
      patiently(connection, signal, async () => {
        const endpoint = at(ref)
        const what = `look for "${familiarReference(ref)}"`
        const request = {
          what,
          path: `manifests/${ref.digest ?? ref.tag ?? 'latest'}`,
          scopes: [pullScope(endpoint)],
          headers: { accept: ACCEPT.join(', ') },
          expect: [200, 404],
          signal,
        }
        const head = await askHead(connection, endpoint, request)
        if (head.statusCode === 404) return undefined
        const stated = ref.digest ?? headerDigest(head)
        if (stated !== undefined) return stated
        const whole = await connection.ask(endpoint, { ...request, method: 'GET', expect: [200] })
        return (await readManifest(whole, { what, host: endpoint.host, wanted: undefined, signal })).descriptor.digest
      }),

    blobSize: (ref, digest, { signal }) =>
      patiently(connection, signal, async () => {
        const endpoint = at(ref)
        const response = await askHead(connection, endpoint, {
          what: `look for blob ${parseDigest(digest)} in "${familiarReference(ref)}"`,
          path: `blobs/${digest}`,
          scopes: [pullScope(endpoint)],
          expect: [200, 404],
          signal,
        })
        if (response.statusCode === 404) return undefined
        const length = response.headers['content-length']
        return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : 'unknown'
      }),

    tags: (ref, { signal }) => listTags(connection, ref, signal),
    referrers: (ref, digest, { signal }) => listReferrers(connection, ref, { digest, signal }),

    deleteManifest: (ref, { signal }) =>
      patiently(connection, signal, async () => {
        const endpoint = at(ref)
        const what = `delete "${familiarReference(ref)}"`
        const response = await connection.ask(endpoint, {
          what,
          method: 'DELETE',
          path: `manifests/${ref.digest ?? ref.tag}`,
          scopes: [`repository:${endpoint.repository}:delete,pull`],
          expect: [200, 202, 204, 400, 404, 405, 501],
          signal,
        })
        discard(response)
        const status = response.statusCode ?? 0
        if (status === 404) return 'absent'
        if (status < 300) return 'deleted'
        throw new RegistryFailure(
          'UNSUPPORTED',
          `Cannot ${what}: ${endpoint.host} does not delete ${ref.digest ? 'images' : 'a tag alone'}`,
          {
            transience: 'final',
            status,
            facts: { httpStatus: status },
            hint: ref.digest
              ? 'Turn deleting on in the registry (docker-registry: storage.delete.enabled), or remove the image with the tools of its provider'
              : 'Remove it by its digest, with all its tags, or with the tools of its provider',
          },
        )
      }),
  }
}
