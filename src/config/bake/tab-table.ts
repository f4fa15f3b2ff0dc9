const TAB_WIDTH = 8
const PADDING = 1

/**
 * Lines whose cells end in tabs, padded with tabs as Go's tabwriter does for `docker buildx bake --list`: a column is
 * as wide as the widest of the lines one below the other that have it. What follows the last tab of a line is no cell.
 */
export function tabTable(rows: readonly (readonly string[])[]): string {
  const lines = rows.flatMap((row) => row.join('\t').split('\n')).map((line) => line.split('\t'))
  const padded = lines.map((cells) => cells.map((cell) => ({ text: cell, tabs: 0 })))
  column(0, 0, lines.length)
  return padded.map((cells) => `${cells.map(({ text, tabs }) => text + '\t'.repeat(tabs)).join('')}\n`).join('')

  function column(at: number, from: number, to: number): void {
    for (let line = from; line < to; line++) {
      if (!hasCell(line, at)) continue
      const first = line
      while (line < to && hasCell(line, at)) line++
      const block = lines.slice(first, line).map((cells) => width(cells[at]!))
      const wide = Math.ceil((Math.max(...block) + PADDING) / TAB_WIDTH) * TAB_WIDTH
      block.forEach((own, index) => (padded[first + index]![at]!.tabs = Math.ceil((wide - own) / TAB_WIDTH)))
      column(at + 1, first, line)
    }
  }

  function hasCell(line: number, at: number): boolean {
    return at < lines[line]!.length - 1
  }
}

function width(cell: string): number {
  return [...cell].length
}
