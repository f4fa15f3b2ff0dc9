import { compact } from '../compact.ts'
import type { RunMount } from '../dockerfile/run-mounts.ts'
import type { Remote } from '../dockerfile/remote.ts'
import type { CopyStep, GraphStage, StageSource, Step } from '../dockerfile/types.ts'
import { formatPlatform } from '../platform.ts'
import { keyOf } from '../store/key.ts'
import type { FolderSource } from '../content/sources.ts'
import { containerKey, copyKey, runKey } from './cache-key.ts'
import { intern, serve } from './intern.ts'
import type { FolderOrTree, StageEdges } from './lowered.ts'
import { imageVertex, remoteVertex, scratchVertex, shownAs } from './source-vertex.ts'
import type { RemoteVertex, StepVertex, Vertex } from './vertex.ts'

/** `linux/amd64 build`, or `linux/amd64->arm64 build` for a stage that runs on one platform for another. */
export function labelOf(stage: GraphStage, target: string): string {
  const own = formatPlatform(stage.platform)
  const name = stage.name ?? `stage-${stage.index}`
  return own === target ? `${own} ${name}` : `${own}->${target.replace(/^linux\//, '')} ${name}`
}

/** A stage that starts with the files of a context: a folder's are copied, as `COPY . /` would. */
export function filesVertex(
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

/** The vertex of a RUN, COPY, ADD or WORKDIR on top of `parent`. */
export function stepVertex(
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
