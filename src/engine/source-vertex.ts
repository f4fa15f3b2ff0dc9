import { compact } from '../compact.ts'
import { showRemote } from '../dockerfile/remote.ts'
import type { SourcePosition } from '../errors.ts'
import { keyOf } from '../store/key.ts'
import type { ResolvedImage } from '../content/resolved-image.ts'
import type { TreeSource } from '../content/sources.ts'
import { intern } from './intern.ts'
import type { StageEdges, VertexTable } from './lowered.ts'
import type { RemoteVertex, Shown, Vertex } from './vertex.ts'

const SCRATCH_ID = keyOf(['scratch'])

/**
 * The vertex of an image of a registry or a layout. Equal images of two indexes are two: programs of a sibling serve
 * only those who chose its index.
 */
export function imageVertex(image: ResolvedImage, name: string, edges: StageEdges): Vertex {
  const id = keyOf(['image', image.manifest.digest, ...(image.sibling ? [image.sibling.digest] : [])])
  return intern({ kind: 'image', id, image, shown: shownAs(name) }, edges)
}

/** The vertex of an empty file system. */
export function scratchVertex(edges: StageEdges): Vertex {
  return intern({ kind: 'scratch', id: SCRATCH_ID }, edges)
}

/** How a vertex is shown, before it serves a target. */
export function shownAs(name: string, at?: SourcePosition): Shown {
  return { name, platforms: new Set(), images: new Set(), ...compact({ at }) }
}

/** The vertex of a file system from elsewhere, in the table. */
export function remoteVertex(source: TreeSource, context: string | undefined, edges: StageEdges): RemoteVertex {
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
