import type { Context } from '../content/context.ts'
import type { FolderSource } from '../content/sources.ts'
import { downloadKey, mountsKey } from './cache-key.ts'
import type { Layers } from './layers.ts'
import type { CopyParams } from './protocol.ts'
import { copySourceOf } from './remotes.ts'
import type { Remotes } from './remotes-types.ts'
import type { Solved } from './solved.ts'
import type { MountInput } from './mount-inputs.ts'
import type { StepMounts } from './step-mounts.ts'
import type { StepVertex, Vertex } from './vertex.ts'

/** The results that a step is made from. */
export interface StepInputs {
  readonly parent: Solved
  readonly source: Solved | undefined
  /** What the mounts of a RUN read from. */
  readonly sources: readonly (Solved | undefined)[]
  readonly signal: AbortSignal
}

type SelectedFiles = Awaited<ReturnType<Context['select']>> & { readonly root: string }

/** What a step reads beside the file system below it. */
export interface StepContent {
  /** Files of a context that a COPY takes. */
  readonly selected: SelectedFiles | undefined
  readonly added: readonly Added[]
  /** What the mounts of a RUN read from, by their place. */
  readonly mounts: readonly (MountInput | undefined)[]
  /** The part of all files in the step's cache key; what an ADD brings from elsewhere has keys of its own. */
  readonly key: string
}

/** A remote source of an ADD: its part of the cache key, and what to copy. */
interface Added {
  readonly key: string
  readonly source: () => Promise<NonNullable<CopyParams['more']>[number]>
}

export interface ContentEdges {
  readonly context: (folder: FolderSource) => Promise<Context>
  readonly remotes: Remotes
  readonly mounts: StepMounts
  readonly layers: Layers
  readonly solve: (vertex: Vertex, signal: AbortSignal) => Promise<Solved>
}

/** Finds out what a step reads, as far as its cache key needs it; brings the remote sources of an ADD. */
export async function stepContent(vertex: StepVertex, inputs: StepInputs, edges: ContentEdges): Promise<StepContent> {
  const { source, sources, signal } = inputs
  const selected = vertex.kind === 'copy' && source === undefined ? await selectFiles(vertex, edges) : undefined
  const added = vertex.kind === 'copy' ? await bringAdded(vertex, edges, signal) : []
  const mounts = vertex.kind === 'run' ? await edges.mounts.inputs(vertex, sources, signal) : []
  const key = selected?.digest ?? (await sourceKey(vertex, inputs, edges)) ?? mountsKey(mounts)
  return { selected, added, mounts, key }
}

type CopyVertex = Extract<StepVertex, { kind: 'copy' }>

async function selectFiles({ step, from }: CopyVertex, edges: ContentEdges): Promise<SelectedFiles> {
  if (step.sources.length === 0) return { selected: [], digest: '', root: '/' }
  const context = await edges.context(from as FolderSource)
  return { ...(await context.select(step.sources, step.excludes)), root: context.root }
}

/** What a COPY takes of a stage is known by how the stage was made; of a remote tree by what it is. */
async function sourceKey(
  vertex: StepVertex,
  { source, signal }: StepInputs,
  { remotes }: ContentEdges,
): Promise<string | undefined> {
  if (vertex.kind !== 'copy' || vertex.from?.kind !== 'remote' || !source) return source?.key
  return remotes.digest(source, vertex.step, signal)
}

function bringAdded({ remotes, step }: CopyVertex, edges: ContentEdges, signal: AbortSignal): Promise<Added[]> {
  return Promise.all(
    remotes.map(async (remote): Promise<Added> => {
      if (remote.kind === 'http') {
        const file = await edges.remotes.file(remote, signal)
        return {
          key: downloadKey(remote, file.download),
          source: async () => ({ ...copySourceOf(remote, file), unpack: step.unpack === true }),
        }
      }
      const tree = await edges.solve(remote, signal)
      return {
        key: tree.key,
        source: async () => ({
          kind: 'snapshot',
          lowers: await edges.layers.unpacked(tree.layers, signal),
          sources: ['.'],
          excludes: step.excludes,
          unpack: false,
        }),
      }
    }),
  )
}
