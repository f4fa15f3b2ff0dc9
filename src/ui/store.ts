import type { StoreItem } from '../store/gc-plan.ts'
import { cleanLine, count, cut, formatBytes } from './text.ts'

/** A thing in the store as `xbuild du` shows it. */
export interface ShownItem extends Pick<StoreItem, 'id' | 'type' | 'size' | 'created' | 'description'> {
  /** Itself or through what needs it; milliseconds since the epoch. */
  readonly used: number
  /** `xbuild prune` would remove it. */
  readonly reclaimable: boolean
}

const TYPES: readonly StoreItem['type'][] = [
  'image',
  'base',
  'step',
  'context',
  'mount',
  'record',
  'snapshot',
  'blob',
  'pack',
  'download',
  'run',
  'temporary',
]

/** What the store holds: a row per type, or per thing; then totals. Ends in a newline. */
export function formatStore(
  items: readonly ShownItem[],
  { verbose, root, now }: { verbose: boolean; root: string; now: number },
): string {
  const totals = [
    `Reclaimable:  ${formatBytes(sum(items.filter(({ reclaimable }) => reclaimable)))}`,
    `Total:        ${formatBytes(sum(items))}`,
  ]
  const table = verbose ? rowsOfItems(items, now) : rowsOfTypes(items, now)
  return `${[cleanLine(root), '', ...(items.length > 0 ? [...table, ''] : []), ...totals].join('\n')}\n`
}

/** What was, or would be, removed. Ends in a newline. */
export function formatPruned(removed: readonly StoreItem[], freed: number, { verbose }: { verbose: boolean }): string {
  const lines = verbose
    ? removed.map((item) => cleanLine(`${nameOf(item)}  ${formatBytes(item.size)}  ${item.description}`).trimEnd())
    : []
  return `${[...lines, `Removed ${count(removed.length, 'thing')}, ${formatBytes(freed)} freed`].join('\n')}\n`
}

/** Everything as JSON, for machines. Sizes are bytes, times RFC 3339. Ends in a newline. */
export function storeJson(items: readonly ShownItem[], root: string): string {
  const shown = items.map(({ id, type, size, created, used, reclaimable, description }) => ({
    id,
    type,
    size,
    created: new Date(created).toISOString(),
    lastUsed: new Date(used).toISOString(),
    inUse: !reclaimable,
    reclaimable,
    description,
  }))
  return `${JSON.stringify({ store: root, total: sum(items), reclaimable: sum(items.filter((item) => item.reclaimable)), items: shown }, null, 2)}\n`
}

function rowsOfTypes(items: readonly ShownItem[], now: number): string[] {
  const rows = TYPES.flatMap((type) => {
    const some = items.filter((item) => item.type === type)
    if (some.length === 0) return []
    const last = some.reduce((latest, { used }) => Math.max(latest, used), 0)
    return [
      [
        type,
        String(some.length),
        formatBytes(sum(some)),
        formatBytes(sum(some.filter(({ reclaimable }) => reclaimable))),
        ago(last, now),
      ],
    ]
  })
  return formatRows([['TYPE', 'COUNT', 'SIZE', 'RECLAIMABLE', 'LAST USED'], ...rows])
}

function rowsOfItems(items: readonly ShownItem[], now: number): string[] {
  const sorted = items.toSorted((a, b) => TYPES.indexOf(a.type) - TYPES.indexOf(b.type) || b.size - a.size)
  const rows = sorted.map((item) => [
    nameOf(item),
    formatBytes(item.size),
    ago(item.created, now),
    ago(item.used, now),
    item.reclaimable ? 'yes' : 'no',
    cut(cleanLine(item.description), 80),
  ])
  return formatRows([['ID', 'SIZE', 'CREATED', 'LAST USED', 'RECLAIMABLE', 'DESCRIPTION'], ...rows])
}

function nameOf({ type, id }: Pick<StoreItem, 'type' | 'id'>): string {
  return `${type}/${cleanLine(id.slice(id.indexOf('/') + 1)).slice(0, 24)}`
}

/** Rows of cells as lines, with the cells of a column below each other. */
export function formatRows(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

function sum(items: readonly { readonly size: number }[]): number {
  return items.reduce((total, { size }) => total + size, 0)
}

/** `now`, `5 minutes ago`, `3 days ago`. */
export function ago(time: number, now: number): string {
  const seconds = (now - time) / 1000
  for (const [unit, length] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}s ago`
  }
  return seconds >= 60 ? '1 minute ago' : 'now'
}
