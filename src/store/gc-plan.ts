import { assertNever } from '../errors.ts'
import type { StoreFilter } from '../config/store-options.ts'

/** What a thing in the store is, as `xbuild du` calls it. */
export type ItemType =
  | 'image'
  | 'base'
  | 'step'
  | 'record'
  | 'context'
  | 'mount'
  | 'snapshot'
  | 'blob'
  | 'pack'
  | 'download'
  | 'run'
  | 'temporary'

/** One thing in the store: a record, a blob, a folder. Sizes are bytes, times milliseconds since the epoch. */
export interface StoreItem {
  /** Unique: `steps/<key>`, `blobs/<hex>`, `snapshots/<id>`, `ingest/<name>`... */
  readonly id: string
  readonly type: ItemType
  /** Bytes of its own, without those of what it needs. */
  readonly size: number
  readonly created: number
  readonly used: number
  /** Ids of what must stay as long as this stays; what is not in the store any more may be among them. */
  readonly needs: readonly string[]
  /** Kept for what needs it only: a blob, a snapshot, and the facts known about them. */
  readonly follows?: boolean
  /** Goes only when everything is to go: an image with a name, a native toolchain. */
  readonly pinned?: boolean
  /** Its bytes have another name outside of the store: removing it frees nothing. */
  readonly linked?: boolean
  readonly description: string
}

/** What to remove. */
export interface PruneRequest {
  /** Images with a name and native toolchains, too. */
  readonly all: boolean
  readonly filters: readonly StoreFilter[]
  /** Stop as soon as no more bytes than these are left. */
  readonly maxUsedSpace?: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface PrunePlan {
  /** Nothing that stays needs any of them; what needs comes before what is needed. */
  readonly remove: readonly StoreItem[]
  /** Bytes that the file system gets back. */
  readonly freed: number
  /** Bytes that stay. */
  readonly left: number
}

/** Decides what goes: least recently used first, and with each what only it needed. Pure. */
export function planPrune(items: readonly StoreItem[], request: PruneRequest): PrunePlan {
  const { byId, neededBy } = graphOf(items)
  const gone = new Set<string>()
  const remove: StoreItem[] = []
  let left = items.reduce((sum, { size }) => sum + size, 0)
  const limit = request.maxUsedSpace ?? -1

  /** How many of those that need a thing are still there. */
  const needers = new Map([...neededBy].map(([id, above]) => [id, above.length]))
  const isFree = (item: StoreItem) => (needers.get(item.id) ?? 0) === 0 && (request.all || !item.pinned)
  const fits = (item: StoreItem) => request.filters.every((filter) => matches(item, filter, request.now))

  function drop(first: StoreItem): void {
    const queue = [first]
    for (let item = queue.pop(); item; item = queue.pop()) {
      if (gone.has(item.id)) continue
      gone.add(item.id)
      remove.push(item)
      left -= item.size
      for (const id of new Set(item.needs)) {
        const needed = byId.get(id)
        if (needed && id !== item.id) needers.set(id, needers.get(id)! - 1)
        if (needed?.follows && isFree(needed)) queue.push(needed)
      }
    }
  }

  for (const item of byAge(items)) {
    if (left <= limit) break
    if (!gone.has(item.id) && isFree(item) && fits(item)) drop(item)
  }
  return { remove, freed: remove.reduce((sum, { size, linked }) => sum + (linked ? 0 : size), 0), left }
}

/** Ids of everything that must stay while every image with a name stays. Pure. */
export function inUse(items: readonly StoreItem[]): ReadonlySet<string> {
  const { byId } = graphOf(items)
  const reached = new Set<string>()
  const queue = items.filter(({ pinned }) => pinned).map(({ id }) => id)
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (reached.has(id) || !byId.has(id)) continue
    reached.add(id)
    queue.push(...byId.get(id)!.needs)
  }
  return reached
}

/** Whether a filter takes an item. */
export function matches(item: StoreItem, filter: StoreFilter, now: number): boolean {
  switch (filter.key) {
    case 'until':
      return item.used <= now - filter.age
    case 'id':
    case 'type':
    case 'description': {
      const text = item[filter.key]
      // People copy the short form that du prints
      const equal =
        text === filter.value ||
        (filter.key === 'id' && filter.value.length >= 6 && shortId(item).startsWith(filter.value))
      return filter.operator === '~=' ? text.includes(filter.value) : (filter.operator === '=') === equal
    }
    default:
      return assertNever(filter)
  }
}

/** The part of an id that tells things of one type apart. */
function shortId({ id }: StoreItem): string {
  return id.slice(id.indexOf('/') + 1)
}

function graphOf(items: readonly StoreItem[]): { byId: Map<string, StoreItem>; neededBy: Map<string, string[]> } {
  const byId = new Map(items.map((item) => [item.id, item]))
  const neededBy = new Map<string, string[]>()
  for (const item of items) {
    for (const id of new Set(item.needs)) {
      if (id === item.id || !byId.has(id)) continue
      const above = neededBy.get(id)
      if (above) above.push(item.id)
      else neededBy.set(id, [item.id])
    }
  }
  return { byId, neededBy }
}

/** Oldest use first. What something needs never comes before it. */
function byAge(items: readonly StoreItem[]): StoreItem[] {
  const uses = usesOf(items)
  return items.toSorted((a, b) => {
    const [one, other] = [uses.get(a.id)!, uses.get(b.id)!]
    return one.used - other.used || one.depth - other.depth
  })
}

/** When each thing was used last, itself or through what needs it; and how far it is from what nobody needs. Pure. */
export function usesOf(
  items: readonly StoreItem[],
): ReadonlyMap<string, { readonly used: number; readonly depth: number }> {
  const { byId, neededBy } = graphOf(items)
  const uses = new Map<string, { used: number; depth: number }>()
  // Not recursive: a Dockerfile may have ten thousand steps, each of which needs the one before it
  for (const start of items) {
    const stack = [start.id]
    const open = new Set<string>()
    while (stack.length > 0) {
      const id = stack.at(-1)!
      const above = neededBy.get(id) ?? []
      const waiting = open.has(id) ? [] : above.filter((other) => !uses.has(other) && !open.has(other))
      open.add(id)
      if (waiting.length > 0) {
        stack.push(...waiting)
        continue
      }
      stack.pop()
      if (uses.has(id)) continue
      const known = above.flatMap((other) => uses.get(other) ?? [])
      uses.set(id, {
        used: known.reduce((latest, { used }) => Math.max(latest, used), byId.get(id)!.used),
        depth: known.reduce((deepest, { depth }) => Math.max(deepest, depth + 1), 0),
      })
    }
  }
  return uses
}
