import { compact } from '../compact.ts'
import { hasWildcard } from '../dockerfile/pattern.ts'
import type { CacheMount, RunMount } from '../dockerfile/run-mounts.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { CacheMounts } from './cache-mounts.ts'
import type { Context } from '../content/context.ts'
import { newSnapshotId, type Layers } from './layers.ts'
import type { Layer } from '../content/layer-chain.ts'
import type { WorkerMount } from './protocol.ts'
import type { Remotes } from './remotes-types.ts'
import type { Solved } from './solved.ts'
import type { FolderSource } from '../content/sources.ts'
import type { RunScope, RunVertex } from './vertex.ts'
import type { Workers } from './workers.ts'

/** What one mount reads from. */
export interface MountInput {
  /** Part of the cache key: equal for equal content. */
  readonly key: string
  /** Snapshots, bottom first, and the path in them. */
  tree(): Promise<{ readonly lowers: readonly string[]; readonly source: string }>
}

/** Mounts of a RUN that are claimed for it. */
export interface OpenedMounts {
  readonly mounts: readonly WorkerMount[]
  release(): void
}

/** How the mounts of a step are opened. */
export interface OpenMountsOptions {
  readonly inputs: readonly (MountInput | undefined)[]
  /** Its caches are those of steps that speculate. */
  readonly speculates: boolean
  readonly signal: AbortSignal
}

/** The engine's side of `RUN --mount`. */
export interface StepMounts {
  /**
   * What the mounts of a step read from, one for each of `step.mounts`; `sources` are the vertices they name, solved.
   */
  inputs(
    vertex: RunVertex,
    sources: readonly (Solved | undefined)[],
    signal: AbortSignal,
  ): Promise<readonly (MountInput | undefined)[]>
  /** Makes ready what the worker mounts; waits for caches that others have locked. */
  open(vertex: RunVertex, options: OpenMountsOptions): Promise<OpenedMounts>
}

export interface StepMountsOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly remotes: Remotes
  readonly caches: CacheMounts
  readonly context: (folder: FolderSource) => Promise<Context>
}

export function createStepMounts({ store, workers, layers, remotes, caches, context }: StepMountsOptions): StepMounts {
  const copies = new Map<string, Promise<Layer>>()

  async function inputOf(
    mount: RunMount,
    at: number,
    { vertex, sources, signal }: { vertex: RunVertex; sources: readonly (Solved | undefined)[]; signal: AbortSignal },
  ): Promise<MountInput | undefined> {
    if (mount.type !== 'bind' && mount.type !== 'cache') return undefined
    const named = vertex.mounted[at]
    if (!named) return undefined
    if (named.kind === 'folder') return folderInput(await context(named), mount.source, signal)
    const solved = sources[at]!
    const key =
      named.kind === 'remote'
        ? await remotes.digest(solved, { sources: [asPattern(mount.source)], excludes: [] }, signal)
        : solved.key
    return { key, tree: async () => ({ lowers: await layers.unpacked(solved.layers, signal), source: mount.source }) }
  }

  /** Steps see a copy of what `.dockerignore` leaves, owned by root: never the folder itself. */
  async function folderInput(folder: Context, source: string, signal: AbortSignal): Promise<MountInput> {
    const { selected, digest } = await folder.select([asPattern(source)], []).catch((thrown: unknown) => {
      const error = toXbuildError(thrown)
      const { subject, state } = error.facts
      throw subject === undefined ? error : error.with({ message: `Cannot mount "${subject}": ${state}` })
    })
    const [first] = selected
    return {
      key: digest,
      async tree() {
        const layer = await single(keyOf(['context', 1, digest]), async () => {
          const id = newSnapshotId()
          const worker = await workers.files()
          await worker.call(
            'copy',
            {
              id,
              lowers: [],
              source: { kind: 'context', root: folder.root, selected },
              inline: [],
              dest: '/',
              unpack: false,
            },
            { signal },
          )
          return { id, empty: false }
        })
        return { lowers: [layer.id], source: first!.isDir ? '.' : first!.name }
      },
    }
  }

  function single(key: string, make: () => Promise<Layer>): Promise<Layer> {
    const known = copies.get(key) ?? find(key, make)
    copies.set(key, known)
    return known
  }

  async function find(key: string, make: () => Promise<Layer>): Promise<Layer> {
    const known = await store.records.get<{ layer: Layer }>('trees', key)
    if (known && (await layers.isThere(known.layer))) return known.layer
    const layer = await make()
    await store.records.put('trees', key, { layer, created: new Date().toISOString() })
    return layer
  }

  async function claimCaches(mounts: readonly RunMount[], { inputs, speculates, signal }: OpenMountsOptions) {
    const claims = new Map<string, { id: string; release(): void }>()
    const release = () => claims.forEach((claim) => claim.release())
    // In one order for all steps, each folder once: two steps must not wait for each other, nor one for itself
    const wanted = mounts
      .flatMap((mount, at) => (mount.type === 'cache' ? [{ mount, input: inputs[at] }] : []))
      .toSorted((a, b) => (nameOf(a.mount) < nameOf(b.mount) ? -1 : 1))
    try {
      for (const { mount, input } of wanted) {
        const name = nameOf(mount)
        if (claims.has(name)) continue
        const make = async (id: string) => {
          const worker = await workers.native()
          return worker.call(
            'cacheFolder',
            { id, owner: mount.owner, ...compact({ seed: input && (await input.tree()) }) },
            { signal },
          )
        }
        claims.set(name, await caches.claim(mount, { seedKey: input?.key, speculates, make, signal }))
      }
    } catch (error) {
      release()
      throw error
    }
    return { claims, release }
  }

  async function workerMount(
    mount: RunMount,
    input: MountInput | undefined,
    { claims, given }: { claims: ReadonlyMap<string, { id: string }>; given: RunScope['inputs'] },
  ): Promise<WorkerMount | undefined> {
    const { type, target } = mount
    switch (type) {
      case 'bind':
        return {
          type,
          target: mount.target,
          writable: mount.writable,
          ...(input ? await input.tree() : { lowers: [], source: mount.source }),
        }
      case 'cache':
        return { type, target: mount.target, id: claims.get(nameOf(mount))!.id, readonly: mount.readonly }
      case 'tmpfs':
        return { type, target: mount.target, ...compact({ size: mount.size }) }
      case 'secret': {
        const content = await given.secret(mount.id)
        if (content === undefined && mount.required) {
          throw new XbuildError(
            'NOT_FOUND',
            `Cannot mount the secret "${mount.id}": the build was given none with that id`,
            { hint: `Give it with --secret id=${mount.id},src=FILE` },
          )
        }
        // Its variable is there all the same, as with BuildKit
        if (content === undefined)
          return mount.env === undefined ? undefined : { type: 'variable', name: mount.env, value: '' }
        return {
          type,
          content: content.toString('base64'),
          owner: mount.owner,
          ...compact({ target, env: mount.env }),
        }
      }
      case 'ssh': {
        const socket = given.agent(mount.id)
        if (socket === undefined && mount.required) {
          throw new XbuildError(
            'NOT_FOUND',
            `Cannot mount the ssh agent "${mount.id}": the build was given none with that id`,
            { hint: `Give it with --ssh ${mount.id}` },
          )
        }
        return socket === undefined
          ? { type: 'variable', name: 'SSH_AUTH_SOCK', value: mount.target }
          : { type, target: mount.target, socket, owner: mount.owner }
      }
    }
  }

  return {
    inputs: (vertex, sources, signal) =>
      Promise.all(vertex.step.mounts.map((mount, at) => inputOf(mount, at, { vertex, sources, signal }))),
    async open({ step, scope }, options) {
      const { claims, release } = await claimCaches(step.mounts, options)
      try {
        const mounts = await Promise.all(
          step.mounts.map((mount, at) => workerMount(mount, options.inputs[at], { claims, given: scope.inputs })),
        )
        return { mounts: mounts.filter((mount) => mount !== undefined), release }
      } catch (error) {
        release()
        throw error
      }
    },
  }
}

function nameOf({ id, sharing, owner, source, from }: CacheMount): string {
  return JSON.stringify([id, sharing, from ?? owner, source])
}

/** A path as a pattern that matches it alone. */
function asPattern(path: string): string {
  return hasWildcard(path) ? path.replace(/[*?[\\]/g, (char) => (char === '\\' ? '\\\\' : `[${char}]`)) : path
}
