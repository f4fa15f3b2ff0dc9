import { evaluateStage } from '../../dockerfile/evaluate.ts'
import { layerHistory } from '../../dockerfile/history.ts'
import type { RunMount } from '../../dockerfile/run-mounts.ts'
import { checkSupported } from '../../dockerfile/supported.ts'
import type { CopyStep, EvaluatedStage, GraphStage, StageGraph, StageSource, Step } from '../../dockerfile/types.ts'
import type { Diagnostic } from '../../errors.ts'
import { showRemote, type Remote } from '../../dockerfile/remote.ts'
import { SCRATCH_CONFIG } from '../../oci/make-image-config.ts'
import type { ContainerConfig, HistoryEntry, ImageConfig } from '../../oci/manifest.ts'
import { formatPlatform } from '../../platform.ts'
import { keyOf } from '../../store/key.ts'
import type { ResolvedImage } from './resolved-image.ts'
import type { FolderSource, RemoteVertex, StepVertex, TreeSource, Vertex } from './vertex.ts'

/** The vertices of one target platform, ending in the one whose file system is the image's. */
export interface Lowered {
  readonly vertex: Vertex
  readonly base: ImageConfig | undefined
  readonly config: ContainerConfig
  readonly author?: string
  /**
   * What the target stage, and the stages it is built on, did after `base`, oldest first; `vertex` is absent for what
   * changes no files.
   */
  readonly history: readonly { readonly entry: HistoryEntry; readonly vertex?: Vertex }[]
  readonly diagnostics: readonly Diagnostic[]
  /** Every stage evaluated, by its index. */
  readonly evaluations: ReadonlyMap<number, EvaluatedStage>
  /** Ids of the vertices that each stage adds, by its index. */
  readonly vertices: ReadonlyMap<number, readonly string[]>
}

/** Gives the resolved image of a stage source of kind image or context. */
export type ImageFor = (
  source: Exclude<StageSource, { kind: 'stage' | 'scratch' }>,
  stage: GraphStage,
) => ResolvedImage | FolderOrTree

/** A build context that is no image: a folder of this machine, or a file system from elsewhere. */
export type FolderOrTree =
  | { readonly kind: 'folder'; readonly name: string }
  | { readonly kind: 'tree'; readonly name: string; readonly source: TreeSource }

/** All vertices by id: shared by the platforms of a build. */
export type VertexTable = Map<string, Vertex>

interface LoweredStage extends Omit<Lowered, 'evaluations' | 'vertices'> {
  readonly evaluated: EvaluatedStage
  readonly own: readonly string[]
}

/** What lowering needs beside the graph. */
export interface LowerOptions {
  readonly imageFor: ImageFor
  readonly table: VertexTable
  /** What COPY reads from when it names nothing; absent: the folder of the build context. */
  readonly context?: Vertex | FolderSource | undefined
  /** Names of stages whose steps run anew. */
  readonly fresh?: readonly string[] | undefined
}

/**
 * Turns a platform's stage graph into vertices; pure. `table` is filled: equal work that is there already is taken
 * from it.
 */
export function lower(graph: StageGraph, { imageFor, table, context, fresh = [] }: LowerOptions): Lowered {
  const done = new Map<number, LoweredStage>()
  const target = formatPlatform(graph.target)
  for (const stage of graph.stages)
    done.set(
      stage.index,
      lowerStage(stage, {
        done,
        imageFor,
        table,
        target,
        context: context ?? { kind: 'folder' },
        fresh: fresh.map((name) => name.toLowerCase()),
      }),
    )
  const evaluations = new Map([...done].map(([index, { evaluated }]) => [index, evaluated]))
  const vertices = new Map([...done].map(([index, { own }]) => [index, own]))
  return {
    ...done.get(graph.targetStage)!,
    diagnostics: [...done.values()].flatMap(({ diagnostics }) => diagnostics),
    evaluations,
    vertices,
  }
}

interface StageEdges {
  readonly done: ReadonlyMap<number, LoweredStage>
  readonly imageFor: ImageFor
  readonly table: VertexTable
  readonly target: string
  readonly context: Vertex | FolderSource
  readonly fresh: readonly string[]
}

function lowerStage(stage: GraphStage, edges: StageEdges): LoweredStage {
  const { done, target } = edges
  const parent = stage.base.kind === 'stage' ? done.get(stage.base.index)! : undefined
  const image =
    stage.base.kind === 'image' || stage.base.kind === 'context' ? edges.imageFor(stage.base, stage) : undefined
  const resolved = image && !('kind' in image) ? image : undefined
  const files = image && 'kind' in image ? image : undefined
  const evaluated = evaluateStage(stage, {
    config: parent?.config ?? resolved?.config.config ?? SCRATCH_CONFIG,
    ...(parent ? { args: parent.evaluated.args } : {}),
  })
  const steps = evaluated.steps.filter((step) => step.kind !== 'meta').length
  const label = labelOf(stage, target)
  const first = (name: string) => `[${label} 1/${steps + 1}] FROM ${name}`
  let vertex =
    parent?.vertex ??
    (files
      ? filesVertex(files, { stage, name: first(files.name), edges })
      : resolved
        ? imageVertex(resolved, first(resolved.name), edges)
        : scratchVertex(edges))
  // A context that is no image has no past: its files are the first layer
  const history: { entry: HistoryEntry; vertex?: Vertex }[] = files
    ? [{ entry: layerHistory(`FROM ${files.name}`), ...(vertex.kind === 'copy' ? { vertex } : {}) }]
    : [...(parent?.history ?? [])]
  const own: string[] = []
  let number = 1
  for (const step of evaluated.steps) {
    if (step.kind === 'meta') {
      history.push({ entry: step.history })
      continue
    }
    number += 1
    vertex = stepVertex(step, { parent: vertex, stage, name: `[${label} ${number}/${steps + 1}] ${step.text}`, edges })
    history.push({ entry: step.history, vertex })
    own.push(vertex.id)
  }
  const author = evaluated.author ?? parent?.author
  return {
    vertex,
    base: parent ? parent.base : resolved?.config,
    config: evaluated.config,
    ...(author ? { author } : {}),
    history,
    diagnostics: [...evaluated.diagnostics, ...checkSupported(evaluated)],
    evaluated,
    own,
  }
}

/** `linux/amd64 build`, or `linux/amd64->arm64 build` for a stage that runs on one platform for another. */
function labelOf(stage: GraphStage, target: string): string {
  const own = formatPlatform(stage.platform)
  const name = stage.name ?? `stage-${stage.index}`
  return own === target ? `${own} ${name}` : `${own}->${target.replace(/^linux\//, '')} ${name}`
}

function imageVertex(image: ResolvedImage, name: string, { table, target }: StageEdges): Vertex {
  return intern(
    table,
    { kind: 'image', id: keyOf(['image', image.manifest.digest]), image, shown: { name, platforms: new Set() } },
    target,
  )
}

function scratchVertex({ table, target }: StageEdges): Vertex {
  return intern(table, { kind: 'scratch', id: keyOf(['scratch']) }, target)
}

/** A stage that starts with the files of a context: a folder's are copied, as `COPY . /` would. */
function filesVertex(
  files: FolderOrTree,
  { stage, name, edges }: { stage: GraphStage; name: string; edges: StageEdges },
): Vertex {
  if (files.kind === 'tree') return remoteVertex(files.source, files.name, edges)
  const { at, text } = stage.stage.from
  const step: CopyStep = {
    kind: 'copy',
    at,
    text,
    history: {},
    add: false,
    sources: ['.'],
    inline: [],
    dest: '/',
    excludes: [],
    parents: false,
    link: false,
  }
  const [parent, shown] = [scratchVertex(edges), { name, platforms: new Set<string>(), at }]
  return intern(
    edges.table,
    {
      kind: 'copy',
      id: keyOf(['copy', parent.id, folderId(files), copyKey(step)]),
      parent,
      step,
      shown,
      remotes: [],
      from: files,
    },
    edges.target,
  )
}

function stepVertex(
  step: Exclude<Step, { kind: 'meta' }>,
  { parent, stage, name, edges }: { parent: Vertex; stage: GraphStage; name: string; edges: StageEdges },
): Vertex {
  const shown = { name, platforms: new Set<string>(), at: step.at }
  const { table, target } = edges
  const isFresh = stage.name !== undefined && edges.fresh.includes(stage.name)
  const fresh = isFresh ? { fresh: true } : {}
  // Not the vertex of a stage that may use the cache
  const idOf = (facts: unknown) => keyOf(isFresh ? ['fresh', facts] : facts)
  if (step.kind === 'run') {
    const mounted = step.mounts.map((mount) => mountedBy(mount, stage, edges))
    const ids = mounted.map((source) =>
      source === undefined ? '' : source.kind === 'folder' ? folderId(source) : source.id,
    )
    const id = idOf(['run', parent.id, runKey(step, formatPlatform(stage.platform)), ...(ids.length > 0 ? [ids] : [])])
    return intern(table, { kind: 'run', id, parent, step, platform: stage.platform, shown, mounted, ...fresh }, target)
  }
  if (step.kind === 'workdir')
    return intern(
      table,
      { kind: 'workdir', id: idOf(['workdir', parent.id, step.path, step.user]), parent, step, shown, ...fresh },
      target,
    )
  const from =
    step.from === undefined ? (step.sources.length > 0 ? edges.context : undefined) : sourceOf(step.from, stage, edges)
  const fromId = from === undefined ? '' : from.kind === 'folder' ? folderId(from) : from.id
  const remotes = (step.remotes ?? []).map((remote) => addedFrom(remote, edges))
  const id = idOf([
    'copy',
    parent.id,
    fromId,
    copyKey(step),
    ...remotes.map((remote) => (remote.kind === 'http' ? remote : remote.id)),
  ])
  return intern(table, { kind: 'copy', id, parent, step, shown, remotes, ...(from ? { from } : {}), ...fresh }, target)
}

function folderId({ name = '', ignoreFile = '' }: FolderSource): string {
  return `folder ${name} ${ignoreFile}`
}

/** What a mount reads from, if it is one that reads. */
function mountedBy(mount: RunMount, stage: GraphStage, edges: StageEdges): Vertex | FolderSource | undefined {
  if (mount.type !== 'bind' && mount.type !== 'cache') return undefined
  if (mount.from !== undefined) return sourceOf(mount.from, stage, edges)
  return mount.type === 'bind' ? edges.context : undefined
}

function sourceOf(
  source: StageSource,
  stage: GraphStage,
  edges: StageEdges,
): NonNullable<Extract<StepVertex, { kind: 'copy' }>['from']> {
  if (source.kind === 'stage') return edges.done.get(source.index)!.vertex
  if (source.kind === 'scratch') return scratchVertex(edges)
  const image = edges.imageFor(source, stage)
  if ('kind' in image) return image.kind === 'folder' ? image : remoteVertex(image.source, image.name, edges)
  return imageVertex(image, `[${labelOf(stage, edges.target)}] FROM ${image.name}`, edges)
}

function addedFrom(remote: Remote, edges: StageEdges): RemoteVertex | Extract<Remote, { kind: 'http' }> {
  return remote.kind === 'http' ? remote : remoteVertex(remote, undefined, edges)
}

function remoteVertex(source: TreeSource, context: string | undefined, { table, target }: StageEdges): RemoteVertex {
  const vertex = makeRemoteVertex(source, { context, platforms: new Set() })
  intern(table, vertex, target)
  return table.get(vertex.id) as RemoteVertex
}

/** The vertex of a file system from elsewhere; `context` is the name of the build context that it is, if it is one. */
export function makeRemoteVertex(
  source: TreeSource,
  { context, platforms }: { context: string | undefined; platforms: Set<string> },
): RemoteVertex {
  const what = source.kind === 'stdin' ? 'standard input' : showRemote(source)
  return {
    kind: 'remote',
    id: keyOf(['remote', source]),
    source,
    shown: { name: context === undefined ? what : `[${context}] ${what}`, platforms },
  }
}

function intern<V extends Vertex>(table: VertexTable, vertex: V, target: string): Vertex {
  const known = table.get(vertex.id) ?? vertex
  table.set(known.id, known)
  if (known.kind !== 'scratch') known.shown.platforms.add(target)
  return known
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
