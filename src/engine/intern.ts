import type { Vertex } from './vertex.ts'
import type { StageEdges } from './lowered.ts'

/** A vertex as it is in the table: equal work that is there already stands for it. */
export function intern(vertex: Vertex, edges: StageEdges): Vertex {
  const known = edges.table.get(vertex.id) ?? vertex
  edges.table.set(known.id, known)
  return serve(known, edges)
}

/** Notes that a vertex serves the target that is lowered. */
export function serve(vertex: Vertex, { target, image }: StageEdges): Vertex {
  if (vertex.kind === 'scratch') return vertex
  vertex.shown.platforms.add(target)
  if (image !== undefined) vertex.shown.images.add(image)
  return vertex
}
