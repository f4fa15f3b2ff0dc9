import { count, formatBytes } from './text.ts'

/** What is shown of a pack. */
export interface ShownPack {
  readonly digest: string
  readonly name: string
  readonly architecture: string
  readonly distribution: string
  readonly host: string
  readonly size: number
  /** Path of the program that has a twin here. */
  readonly program: string
}

/** Packs as a table. Ends in a newline. */
export function formatPacks(packs: readonly ShownPack[]): string {
  if (packs.length === 0) return 'No packs: they are made when an emulated step runs a compiler\n'
  const rows = packs.map(({ digest, name, architecture, distribution, size }) => [
    digest.slice('sha256:'.length, 'sha256:'.length + 12),
    name,
    `linux/${architecture}`,
    distribution,
    formatBytes(size),
  ])
  const all = [['DIGEST', 'PACK', 'FOR', 'FROM', 'SIZE'], ...rows]
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  return `${[...lines, `${count(packs.length, 'pack')}, ${formatBytes(packs.reduce((sum, { size }) => sum + size, 0))}`].join('\n')}\n`
}

export function packsJson(packs: readonly ShownPack[]): string {
  return `${JSON.stringify(packs, null, 2)}\n`
}
