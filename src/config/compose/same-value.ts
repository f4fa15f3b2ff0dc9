import type { ComposeNode } from './node.ts'

/** Whether two values are the same, wherever they are written. */
export function sameValue(one: ComposeNode, other: ComposeNode): boolean {
  if (one.kind === 'list')
    return (
      other.kind === 'list' &&
      one.items.length === other.items.length &&
      one.items.every((item, index) => sameValue(item, other.items[index]!))
    )
  if (one.kind === 'map')
    return (
      other.kind === 'map' &&
      one.entries.size === other.entries.size &&
      [...one.entries].every(([key, { value }]) => {
        const there = other.entries.get(key)
        return there !== undefined && sameValue(value, there.value)
      })
    )
  if (one.kind === 'scalar') return other.kind === 'scalar' && one.value === other.value
  return other.kind === 'null'
}
