import { compact } from '../compact.ts'
import { evaluateStage } from '../dockerfile/evaluate.ts'
import { layerHistory } from '../dockerfile/history.ts'
import type { RunMount } from '../dockerfile/run-mounts.ts'
import { checkSupported } from '../dockerfile/supported.ts'
import type { CopyStep, EvaluatedStage, GraphStage, StageGraph, StageSource, Step } from '../dockerfile/types.ts'
import type { Diagnostic, SourcePosition } from '../errors.ts'
import { showRemote, type Remote } from '../dockerfile/remote.ts'
import { scratchConfig } from '../oci/make-image-config.ts'
import type { ContainerConfig, HistoryEntry, ImageConfig } from '../oci/manifest.ts'
import { formatPlatform } from '../platform.ts'
import { keyOf } from '../store/key.ts'
import type { ResolvedImage } from '../content/resolved-image.ts'
import type { FolderSource, TreeSource } from '../content/sources.ts'
import type { RemoteVertex, RunScope, Shown, StepVertex, Vertex } from './vertex.ts'
import { containerKey, copyKey, runKey } from './cache-key.ts'

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
) => ResolvedImage | NamedFiles

/**
 * A build context that is no image of a registry or layout: a folder of this machine, a file system from elsewhere, or
 * another image of the session.
 */
export type NamedFiles = { readonly kind: 'built'; readonly lowered: Lowered } | FolderOrTree

type FolderOrTree =
  | { readonly kind: 'folder'; readonly name: string; readonly path: string }
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
  /** What COPY reads from when it names nothing. */
  readonly context: Vertex | FolderSource
  /** What the RUN steps are given. */
  readonly scope: RunScope
  /** Names of stages whose steps run anew; `all` steps. */
  readonly fresh?: readonly string[] | 'all' | undefined
  /** Name of the image, where there are several. */
  readonly image?: string | undefined
}

/**
 * Turns a platform's stage graph into vertices; pure. `table` is filled: equal work that is there already is taken
 * from it.
 */
export function lower(graph: StageGraph, { fresh = [], ...options }: LowerOptions): Lowered {
  const done = new Map<number, LoweredStage>()
  const target = formatPlatform(graph.target)
  for (const stage of graph.stages)
    done.set(
      stage.index,
      lowerStage(stage, {
        ...options,
        done,
        target,
        fresh: fresh === 'all' ? fresh : fresh.map((name) => name.toLowerCase()),
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

interface StageEdges extends Omit<LowerOptions, 'fresh'> {
  readonly done: ReadonlyMap<number, LoweredStage>
  readonly target: string
  readonly fresh: readonly string[] | 'all'
}

function lowerStage(stage: GraphStage, edges: StageEdges): LoweredStage {
  const { done, target } = edges
  const image =
    stage.base.kind === 'image' || stage.base.kind === 'context' ? edges.imageFor(stage.base, stage) : undefined
  const own = stage.base.kind === 'stage' ? done.get(stage.base.index)! : undefined
  // An image of the session is built on as a stage is, but its ARGs are its own
  const parent = own ?? (image && 'kind' in image && image.kind === 'built' ? image.lowered : undefined)
  if (parent && !own) serve(parent.vertex, edges)
  const resolved = image && !('kind' in image) ? image : undefined
  const files = image && 'kind' in image && image.kind !== 'built' ? image : undefined
  const evaluated = evaluateStage(stage, {
    config: parent?.config ?? resolved?.config.config ?? scratchConfig(stage.platform),
    ...compact({ args: own?.evaluated.args }),
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
  const added: string[] = []
  let number = 1
  for (const step of evaluated.steps) {
    if (step.kind === 'meta') {
      history.push({ entry: step.history })
      continue
    }
    number += 1
    vertex = stepVertex(step, { parent: vertex, stage, name: `[${label} ${number}/${steps + 1}] ${step.text}`, edges })
    history.push({ entry: step.history, vertex })
    added.push(vertex.id)
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
    own: added,
  }
}

/** `linux/amd64 build`, or `linux/amd64->arm64 build` for a stage that runs on one platform for another. */
function labelOf(stage: GraphStage, target: string): string {
  const own = formatPlatform(stage.platform)
  const name = stage.name ?? `stage-${stage.index}`
  return own === target ? `${own} ${name}` : `${own}->${target.replace(/^linux\//, '')} ${name}`
}

function imageVertex(image: ResolvedImage, name: string, edges: StageEdges): Vertex {
  return intern({ kind: 'image', id: keyOf(['image', image.manifest.digest]), image, shown: shownAs(name) }, edges)
}

function shownAs(name: string, at?: SourcePosition): Shown {
  return { name, platforms: new Set(), images: new Set(), ...compact({ at }) }
}

function scratchVertex(edges: StageEdges): Vertex {
  return intern({ kind: 'scratch', id: SCRATCH_ID }, edges)
}

const SCRATCH_ID = keyOf(['scratch'])

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
  const [parent, fresh] = [scratchVertex(edges), edges.fresh === 'all']
  const from: FolderSource = { kind: 'folder', path: files.path }
  return intern(
    {
      kind: 'copy',
      id: keyOf(['copy', parent.id, folderId(from), copyKey(step), ...(fresh ? ['fresh'] : [])]),
      parent,
      step,
      shown: shownAs(name, at),
      remotes: [],
      from,
      ...(fresh ? { fresh } : {}),
    },
    edges,
  )
}

function stepVertex(
  step: Exclude<Step, { kind: 'meta' }>,
  { parent, stage, name, edges }: { parent: Vertex; stage: GraphStage; name: string; edges: StageEdges },
): Vertex {
  const shown = shownAs(name, step.at)
  const isFresh = edges.fresh === 'all' || (stage.name !== undefined && edges.fresh.includes(stage.name))
  const fresh = isFresh ? { fresh: true } : {}
  // Not the vertex of a stage that may use the cache
  const idOf = (facts: unknown) => keyOf(isFresh ? ['fresh', facts] : facts)
  if (step.kind === 'run') {
    const mounted = step.mounts.map((mount) => mountedBy(mount, stage, edges))
    const ids = mounted.map((source) =>
      source === undefined ? '' : source.kind === 'folder' ? folderId(source) : source.id,
    )
    const { scope } = edges
    const container = containerKey(scope.container)
    const given = step.mounts.flatMap((mount) =>
      mount.type === 'secret' || mount.type === 'ssh' ? [scope.inputs.sourceOf(mount.type, mount.id)] : [],
    )
    const id = idOf([
      'run',
      parent.id,
      runKey(step, formatPlatform(stage.platform)),
      ...(ids.length > 0 ? [ids] : []),
      ...(container ? [container] : []),
      // Not part of the key, but no step may run with a network that another image asked for
      ...(scope.container.network === 'default' ? [] : [scope.container.network]),
      ...(given.length > 0 ? [given] : []),
    ])
    return intern({ kind: 'run', id, parent, step, platform: stage.platform, scope, shown, mounted, ...fresh }, edges)
  }
  if (step.kind === 'workdir')
    return intern(
      { kind: 'workdir', id: idOf(['workdir', parent.id, step.path, step.user]), parent, step, shown, ...fresh },
      edges,
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
  return intern({ kind: 'copy', id, parent, step, shown, remotes, ...compact({ from }), ...fresh }, edges)
}

function folderId({ path, ignoreFile = '' }: FolderSource): string {
  return JSON.stringify(['folder', path, ignoreFile])
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
  if ('kind' in image) {
    if (image.kind === 'folder') return { kind: 'folder', path: image.path }
    return image.kind === 'built' ? serve(image.lowered.vertex, edges) : remoteVertex(image.source, image.name, edges)
  }
  return imageVertex(image, `[${labelOf(stage, edges.target)}] FROM ${image.name}`, edges)
}

function addedFrom(remote: Remote, edges: StageEdges): RemoteVertex | Extract<Remote, { kind: 'http' }> {
  return remote.kind === 'http' ? remote : remoteVertex(remote, undefined, edges)
}

function remoteVertex(source: TreeSource, context: string | undefined, edges: StageEdges): RemoteVertex {
  const vertex = makeRemoteVertex(source, { context, platforms: new Set() })
  intern(vertex, edges)
  return edges.table.get(vertex.id) as RemoteVertex
}

/** The vertex of a file system from elsewhere; `context` is the name of the build context that it is, if it is one. */
export function makeRemoteVertex(
  source: TreeSource,
  { context, byUser = false, platforms }: { context: string | undefined; byUser?: boolean; platforms: Set<string> },
): RemoteVertex {
  const what = source.kind === 'stdin' ? 'standard input' : showRemote(source)
  return {
    kind: 'remote',
    // What the user may read is not what a Dockerfile may read under the same name
    id: keyOf(['remote', source, ...(byUser ? ['by user'] : [])]),
    source,
    ...(byUser ? { byUser } : {}),
    shown: { name: context === undefined ? what : `[${context}] ${what}`, platforms, images: new Set() },
  }
}

/** The vertex of a build's context that is no folder, the one of the table if it is there. */
export function sourceVertex(
  source: TreeSource | { readonly kind: 'scratch' },
  { byUser, table }: { readonly byUser: boolean; readonly table: VertexTable },
): Vertex {
  const vertex: Vertex =
    source.kind === 'scratch'
      ? { kind: 'scratch', id: SCRATCH_ID }
      : makeRemoteVertex(source, { context: 'context', byUser, platforms: new Set() })
  const known = table.get(vertex.id) ?? vertex
  table.set(known.id, known)
  return known
}

function intern(vertex: Vertex, edges: StageEdges): Vertex {
  const known = edges.table.get(vertex.id) ?? vertex
  edges.table.set(known.id, known)
  return serve(known, edges)
}

/** Notes that a vertex serves the target that is lowered. */
function serve(vertex: Vertex, { target, image }: StageEdges): Vertex {
  if (vertex.kind === 'scratch') return vertex
  vertex.shown.platforms.add(target)
  if (image !== undefined) vertex.shown.images.add(image)
  return vertex
}
