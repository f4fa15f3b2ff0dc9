import type { Context } from '../content/context.ts'
import type { Layer } from '../content/layer-chain.ts'
import type { SelectedSource } from '../content/select.ts'
import type { FolderSource } from '../content/sources.ts'
import { hasWildcard } from '../dockerfile/pattern.ts'
import { toXbuildError } from '../errors.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { newSnapshotId, type Layers } from './layers.ts'
import type { Remotes } from './remotes-types.ts'
import type { Solved } from './solved.ts'
import type { RunVertex } from './vertex.ts'
import type { Workers } from './workers.ts'

/** What one mount reads from. */
export interface MountInput {
  /** Part of the cache key: equal for equal content. */
  readonly key: string
  /** Snapshots, bottom first, and the path in them. */
  tree(): Promise<{ readonly lowers: readonly string[]; readonly source: string }>
}

export interface MountInputsOptions {
  readonly store: Store
  readonly workers: Workers
  readonly layers: Layers
  readonly remotes: Remotes
  readonly context: (folder: FolderSource) => Promise<Context>
}

/**
 * What the mounts of a step read from, one for each of `step.mounts`; `sources` are the vertices they name, solved.
 */
export type MountInputs = (
  vertex: RunVertex,
  sources: readonly (Solved | undefined)[],
  signal: AbortSignal,
) => Promise<readonly (MountInput | undefined)[]>

export function createMountInputs(options: MountInputsOptions): MountInputs {
  const copyOnce = createFolderCopies(options)
  return (vertex, sources, signal) =>
    Promise.all(
      vertex.step.mounts.map((mount, at) => {
        const named = vertex.mounted[at]
        if (!named || (mount.type !== 'bind' && mount.type !== 'cache')) return undefined
        if (named.kind === 'folder') return folderInput(named, mount.source, { ...options, copyOnce, signal })
        return solvedInput(sources[at]!, mount.source, { ...options, isRemote: named.kind === 'remote', signal })
      }),
    )
}

async function solvedInput(
  solved: Solved,
  source: string,
  {
    layers,
    remotes,
    isRemote,
    signal,
  }: MountInputsOptions & { readonly isRemote: boolean; readonly signal: AbortSignal },
): Promise<MountInput> {
  const key = isRemote
    ? await remotes.digest(solved, { sources: [asPattern(source)], excludes: [] }, signal)
    : solved.key
  return { key, tree: async () => ({ lowers: await layers.unpacked(solved.layers, signal), source }) }
}

/** Steps see a copy of what `.dockerignore` leaves, owned by root: never the folder itself. */
async function folderInput(
  named: FolderSource,
  source: string,
  { context, copyOnce, signal }: MountInputsOptions & { readonly copyOnce: FolderCopies; readonly signal: AbortSignal },
): Promise<MountInput> {
  const folder = await context(named)
  const { selected, digest } = await folder.select([asPattern(source)], []).catch((thrown: unknown) => {
    const error = toXbuildError(thrown)
    const { subject, state } = error.facts
    throw subject === undefined ? error : error.with({ message: `Cannot mount "${subject}": ${state}` })
  })
  const [first] = selected
  return {
    key: digest,
    async tree() {
      const layer = await copyOnce({ root: folder.root, selected, digest }, signal)
      return { lowers: [layer.id], source: first!.isDir ? '.' : first!.name }
    },
  }
}

/** Files of a folder; `digest` is that of their content. */
interface FolderFiles {
  readonly root: string
  readonly selected: readonly SelectedSource[]
  readonly digest: string
}

/** Gives the layer with a copy of the files; equal files are copied once. */
type FolderCopies = (files: FolderFiles, signal: AbortSignal) => Promise<Layer>

function createFolderCopies({ store, workers, layers }: MountInputsOptions): FolderCopies {
  const copies = new Map<string, Promise<Layer>>()

  async function findOrCopy(key: string, { root, selected }: FolderFiles, signal: AbortSignal): Promise<Layer> {
    const known = await store.records.get<{ layer: Layer }>('trees', key)
    if (known && (await layers.isThere(known.layer))) return known.layer
    const id = newSnapshotId()
    const worker = await workers.files()
    const source = { kind: 'context', root, selected } as const
    await worker.call('copy', { id, lowers: [], source, inline: [], dest: '/', unpack: false }, { signal })
    const layer = { id, empty: false }
    await store.records.put('trees', key, { layer, created: new Date().toISOString() })
    return layer
  }

  return (files, signal) => {
    const key = keyOf(['context', 1, files.digest])
    const copy = copies.get(key) ?? findOrCopy(key, files, signal)
    copies.set(key, copy)
    return copy
  }
}

/** A path as a pattern that matches it alone. */
function asPattern(path: string): string {
  return hasWildcard(path) ? path.replace(/[*?[\\]/g, (char) => (char === '\\' ? '\\\\' : `[${char}]`)) : path
}
