/** Rows as lines of aligned columns, `gap` blanks between two of them; no blanks at the end of a line. */
export function textTable(rows: readonly (readonly string[])[], gap: number): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join(' '.repeat(gap)))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}
