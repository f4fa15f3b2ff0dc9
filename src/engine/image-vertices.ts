import type { ResolvedImage } from '../content/resolved-image.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import type { Vertex } from './vertex.ts'

/** Official images have it, and those that are made from them. */
const SIGN = /^GOLANG_VERSION=/

/** Whether an image has a Go that is no package of its distribution. */
export function saysGo({ config }: Pick<ImageConfig, 'config'>): boolean {
  return config?.Env?.some((variable) => SIGN.test(variable)) === true
}

/** The image that a vertex is based on, if it is one. */
export function baseImage(vertex: Vertex): ResolvedImage | undefined {
  let below = vertex
  while ('parent' in below) below = below.parent
  return below.kind === 'image' ? below.image : undefined
}

/**
 * Digests of the siblings of all images that a vertex, or a step that it takes files from, is based on. Images that only
 * give files do not count: nothing is run on them.
 */
export function siblingDigests(vertex: Vertex): ReadonlySet<string> {
  const found = new Set<string>()
  const seen = new Set<string>()
  const left: Vertex[] = [vertex]
  for (let one = left.pop(); one; one = left.pop()) {
    if (seen.has(one.id)) continue
    seen.add(one.id)
    if (one.kind === 'image' && one.image.sibling) found.add(one.image.sibling.digest)
    if ('parent' in one) left.push(one.parent)
    const more = one.kind === 'copy' ? [one.from] : one.kind === 'run' ? one.mounted : []
    for (const source of more) if (source && 'parent' in source) left.push(source)
  }
  return found
}
