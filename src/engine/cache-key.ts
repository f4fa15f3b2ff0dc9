import { fileNameOf, type HttpRemote } from '../dockerfile/remote.ts'
import type { RunMount } from '../dockerfile/run-mounts.ts'
import type { Step } from '../dockerfile/types.ts'
import { formatPlatform } from '../platform.ts'
import type { Download } from '../source/http.ts'
import { keyOf } from '../store/key.ts'
import type { ContainerOptions } from './container-options.ts'
import type { StepVertex } from './vertex.ts'

/** What the result of a step is made from. */
export interface KeyParts {
  readonly vertex: StepVertex
  /** Key of the file system that the step starts from. */
  readonly parent: string
  /** What it reads: the digest of the files of a COPY, the key of the tree they come from, or `mountsKey`. */
  readonly content: string
  /** What an ADD brings from elsewhere, in order. */
  readonly added: readonly string[]
  /** Whether the step is run twice, to compare what twins made. */
  readonly verified: boolean
}

/**
 * The cache key of a step: equal keys promise equal results. Secrets, agents and what only `RunScope` holds are not part
 * of it, as in BuildKit.
 */
export function stepCacheKey({ vertex, parent, content, added, verified }: KeyParts): string {
  return keyOf([vertex.kind, parent, content, stepKey(vertex), ...(verified ? ['verify'] : []), ...added])
}

/** The part of the key that is a file behind a URL: its name decides where it goes. */
export function downloadKey(remote: HttpRemote, { digest, mtime }: Download): string {
  return keyOf([fileNameOf(remote.url), digest, mtime])
}

/** The part of the key that is what the mounts of a RUN read from; empty without mounts. */
export function mountsKey(mounts: readonly ({ readonly key?: string } | undefined)[]): string {
  return mounts.length === 0 ? '' : keyOf(mounts.map((mount) => mount?.key ?? ''))
}

function stepKey(vertex: StepVertex): unknown {
  switch (vertex.kind) {
    case 'run': {
      const key = runKey(vertex.step, formatPlatform(vertex.platform))
      const container = containerKey(vertex.scope.container)
      return container ? [key, container] : key
    }
    case 'copy':
      return copyKey(vertex.step)
    case 'workdir':
      return [vertex.step.path, vertex.step.user]
  }
}

/** Everything of a RUN that its result may depend on, the file system it starts from aside. */
export function runKey(step: Extract<Step, { kind: 'run' }>, platform: string): unknown {
  return [
    platform,
    step.argv,
    step.env,
    step.user,
    step.cwd,
    step.files.map(({ path, content, mode }) => [path, content, mode]),
    step.network,
    ...(step.mounts.length > 0 ? [step.mounts.map(mountKey)] : []),
  ]
}

/** Where a mount reads from is known by the content, or the vertex. */
function mountKey(mount: RunMount): unknown {
  const { from: _, ...rest } = mount as RunMount & { from?: unknown }
  return rest
}

/** Everything of a COPY that its result may depend on, the contents and the file system it goes into aside. */
export function copyKey(step: Extract<Step, { kind: 'copy' }>): unknown {
  return [
    step.add,
    step.sources,
    step.inline,
    step.dest,
    step.chown ?? '',
    step.chmod ?? '',
    step.excludes,
    step.unpack ?? null,
    ...(step.link ? ['link'] : []),
  ]
}

/** The part of a step's key that the options of its container are; nothing for those that most builds have. */
export function containerKey(container: ContainerOptions): unknown {
  const { network, hosts, ulimits, resources, shmSize, hostname } = container
  const isPlain =
    network !== 'none' &&
    hosts.length === 0 &&
    ulimits.length === 0 &&
    resources === undefined &&
    shmSize === undefined &&
    hostname === undefined
  // Which way out a step has makes no difference to what it makes, as long as there is one
  return isPlain ? undefined : { ...container, network: network === 'none' ? network : 'host' }
}
