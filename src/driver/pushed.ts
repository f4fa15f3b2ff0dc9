import type { CompleteOptions, Output } from '../config/options.ts'
import { toXbuildError } from '../errors.ts'
import { isLoopback } from '../host/http/loopback.ts'
import type { Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { PushTarget } from './buildkit/daemon.ts'
import type { Driver } from './driver.ts'
import type { OpenedNode } from './opened-node.ts'
import { repositoryBlobs } from './repository-blobs.ts'

export interface PushFacts {
  readonly outputs: readonly Output[]
  readonly tags: readonly Reference[]
  readonly options: CompleteOptions
  readonly registry: RegistryClient
  readonly signal: AbortSignal
}

/**
 * The repository that a node may push to by itself: the first one asked for, when nothing else wants the result on this
 * machine and the node means the same by its name.
 */
export function pushTargetFor(
  { node, pushes }: OpenedNode,
  { outputs, tags, options, registry, signal }: PushFacts,
): PushTarget | undefined {
  const [tag] = tags
  // Layers that are to be compressed anew come here
  const onlyPushed =
    outputs.length > 0 && outputs.every((output) => output.type === 'registry' && output.compression === undefined)
  // What is tested, or compared, is not pushed before
  const isChecked = options.checkReproducible === true || (options.test ?? []).length > 0
  if (!pushes || !tag || !onlyPushed || options.cacheTo.length > 0 || isChecked) return undefined
  const own = isLoopback(tag.host)
  // A loopback address of another machine is another registry; this machine's settings of a registry are not the node's
  if (own && !node.endpoint.startsWith('unix:')) return undefined
  const settings = options.registries[tag.host]
  if (settings?.ca !== undefined) return undefined
  const insecure = own || settings?.http === true || settings?.insecure === true
  return {
    repository: `${tag.host}/${tag.repository}`,
    ...(insecure ? { insecure } : {}),
    blobs: repositoryBlobs(tag, registry, signal),
  }
}

/**
 * A driver whose node pushes; what it cannot push, for it sees another network than this machine, is brought here.
 * Steps are not run twice.
 */
export function pushedOrBrought(
  pushing: Driver,
  bringing: Driver,
  {
    node,
    repository,
    warn,
  }: { readonly node: string; readonly repository: string; readonly warn: (message: string) => void },
): Driver {
  return {
    async build(job, options) {
      // A stage is for other nodes, not for the registry
      if (job.kind === 'stage') return bringing.build(job, options)
      try {
        return await pushing.build(job, options)
      } catch (thrown) {
        const { code, message } = toXbuildError(thrown)
        if ((code !== 'REGISTRY' && code !== 'AUTH') || options.signal.aborted) throw thrown
        warn(`${node} cannot push to ${repository} itself, so its result goes through this machine: ${message}`)
        return bringing.build(job, options)
      }
    },
    async close() {
      await Promise.all([pushing.close(), bringing.close()])
    },
  }
}
