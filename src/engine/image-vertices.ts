import type { ResolvedImage } from '../content/resolved-image.ts'
import type { ImageConfig } from '../oci/manifest.ts'
import type { Vertex } from './vertex.ts'

/** Official images have it, and those that are made from them. */
const SIGN = /^GOLANG_VERSION=/

/** Whether an image has a Go that is no package of its distribution. */
export function saysGo({ config }: Pick<ImageConfig, 'config'>): boolean {
  return config?.Env?.some((variable) => SIGN.test(variable)) === true
}

/** Every image that a vertex is made from, at whatever distance. */
export function imagesIn(vertex: Vertex): readonly ResolvedImage[] {
  const found: ResolvedImage[] = []
  const seen = new Set<string>()
  const left: Vertex[] = [vertex]
  for (let one = left.pop(); one; one = left.pop()) {
    if (seen.has(one.id)) continue
    seen.add(one.id)
    if (one.kind === 'image') found.push(one.image)
    if ('parent' in one) left.push(one.parent)
    const more = one.kind === 'copy' ? [one.from] : one.kind === 'run' ? one.mounted : []
    for (const source of more) if (source && source.kind !== 'folder') left.push(source)
  }
  return found
}

/** Digests of the siblings of all images that a vertex is made from. */
export function siblingDigests(vertex: Vertex): ReadonlySet<string> {
  return new Set(imagesIn(vertex).flatMap(({ sibling }) => (sibling ? [sibling.digest] : [])))
}
