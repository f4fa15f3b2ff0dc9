import type { ImageTarget, Said } from '../images/target.ts'
import { nodeAt, textOf, type ComposeNode } from './node.ts'

/** A target with what `x-xbuild` of its build adds: what neither compose nor buildx has a key for. */
export function withXXbuild(target: ImageTarget, node: ComposeNode | undefined): ImageTarget {
  const test = nodeAt(node, 'test')
  if (!test) return target
  const items = test.kind === 'list' ? test.items : [test]
  return { ...target, test: items.map((item): Said => ({ value: textOf(item) ?? '', at: item.at })) }
}
