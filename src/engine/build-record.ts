import { distinctBy } from '../distinct.ts'
import type { StageGraph } from '../dockerfile/types.ts'
import type { Remote } from '../dockerfile/remote.ts'
import type { MainContext } from '../content/main-context.ts'
import { fromDescriptorPlatform } from '../oci/descriptor.ts'
import { formatPlatform } from '../platform.ts'
import type { BuildRecord, UsedImage } from '../provenance/facts.ts'
import type { ImageFor, Lowered } from './lowered.ts'
import { makeRemoteVertex } from './source-vertex.ts'
import type { Remotes } from './remotes-types.ts'
import type { Solver } from './solve.ts'

/** What a built image is told from. */
export interface RecordEdges {
  readonly graph: StageGraph
  readonly lowered: Lowered
  readonly imageFor: ImageFor
  /** What COPY reads from. */
  readonly context: Pick<MainContext, 'source' | 'byUser'>
  readonly solver: Solver
  readonly remotes: Remotes
  readonly signal: AbortSignal
}

/**
 * How an image came to be that was built through the solver. Nothing is asked anew: what came from elsewhere has come
 * by now.
 */
export async function recordBuild({
  graph,
  lowered,
  imageFor,
  context,
  solver,
  remotes,
  signal,
}: RecordEdges): Promise<BuildRecord> {
  const images: UsedImage[] = []
  const wanted: Wanted[] = []
  const { source: main, byUser } = context
  if (main && main.kind !== 'scratch' && main.kind !== 'stdin') wanted.push({ remote: main, byUser })
  for (const stage of graph.stages) {
    for (const source of [stage.base, ...Object.values(stage.froms)]) {
      if (source.kind === 'stage' || source.kind === 'scratch') continue
      const found = imageFor(source, stage)
      if (!('kind' in found)) images.push(usedImage(found, source.kind === 'context' ? source.name : undefined))
      else if (found.kind === 'tree' && found.source.kind !== 'stdin') wanted.push({ remote: found.source })
    }
    for (const step of lowered.evaluations.get(stage.index)?.steps ?? [])
      if (step.kind === 'copy') wanted.push(...(step.remotes ?? []).map((remote) => ({ remote })))
  }
  const packs = new Map(
    solver.steps().flatMap(({ vertex, solved }) => (solved.packs ? [[vertex.id, solved.packs] as const] : [])),
  )
  return {
    images,
    remotes: await Promise.all(wanted.map(async (one) => ({ remote: one.remote, digest: await revisionOf(one) }))),
    packs: new Map(
      [...lowered.vertices].map(([index, ids]) => [index, unique(ids.flatMap((id) => packs.get(id) ?? []))]),
    ),
  }

  async function revisionOf({ remote, byUser = false }: Wanted): Promise<string> {
    if (remote.kind === 'http') return (await remotes.file(remote, signal)).download.digest
    const vertex = makeRemoteVertex(remote, { context: undefined, byUser, platforms: new Set() })
    return (await remotes.tree(vertex, signal)).revision ?? ''
  }
}

/** Something from elsewhere; `byUser` as in its vertex. */
interface Wanted {
  readonly remote: Remote
  readonly byUser?: boolean
}

function usedImage(
  { name, manifest, config }: Exclude<ReturnType<ImageFor>, { kind: unknown }>,
  context: string | undefined,
): UsedImage {
  const isLayout = name.startsWith('oci-layout://')
  return {
    name: isLayout ? (context ?? 'image') : name,
    isLayout,
    platform: formatPlatform(fromDescriptorPlatform(config)),
    digest: manifest.digest,
  }
}

function unique<T extends { readonly name: string; readonly digest: string }>(packs: readonly T[]): T[] {
  return distinctBy(packs, ({ digest }) => digest).sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.digest < b.digest ? -1 : 1,
  )
}
