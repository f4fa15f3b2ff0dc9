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
  /** By builds; a pack that was made by other rules than today's is not. */
  readonly used: boolean
}

/** Packs as a table. Ends in a newline. */
export function formatPacks(packs: readonly ShownPack[]): string {
  if (packs.length === 0) return 'No packs: they are made when an emulated step runs a compiler\n'
  const rows = packs.map(({ digest, name, architecture, distribution, size }) => [
    shortDigest(digest),
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
  const unused = packs.filter(({ used }) => !used).map(({ digest }) => shortDigest(digest))
  if (unused.length > 0)
    lines.push(`Builds do not use ${unused.join(', ')}: rules of another version of xbuild made them. Make them again`)
  return `${[...lines, `${count(packs.length, 'pack')}, ${formatBytes(packs.reduce((sum, { size }) => sum + size, 0))}`].join('\n')}\n`
}

function shortDigest(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12)
}

export function packsJson(packs: readonly ShownPack[]): string {
  return `${JSON.stringify(packs, null, 2)}\n`
}
