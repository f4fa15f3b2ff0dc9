import type { Expression } from './ast.ts'
import { type Cursor, failure, here, sees, takeMatch, takeName } from './cursor.ts'
import { type ReadExpression, readTemplate } from './template.ts'

/** The template between `<<NAME` and a line that is the name alone. */
export function readHeredoc(cursor: Cursor, read: ReadExpression): Expression {
  const at = here(cursor)
  const flush = sees(cursor, '<<-')
  cursor.offset += flush ? 3 : 2
  const marker = takeName(cursor)
  if (marker === undefined || takeMatch(cursor, /\r?\n/) === undefined)
    throw failure(cursor, 'a heredoc starts with << or <<- and a name at the end of a line')
  const start = cursor.offset
  for (let line = start; ; ) {
    const end = cursor.source.indexOf('\n', line)
    const stop = end < 0 ? cursor.source.length : end
    if (cursor.source.slice(line, stop).trim() === marker) {
      const inner: Cursor = { ...cursor, source: cursor.source.slice(0, line), offset: start, newlines: true }
      const template = readTemplate(inner, 'end', read, flush)
      // The end of the marker's line is left: it ends the attribute
      cursor.offset = cursor.source.indexOf(marker, line) + marker.length
      return { ...template, at }
    }
    if (end < 0) throw failure(cursor, `the heredoc that starts at line ${at.line} has no line "${marker}"`)
    line = end + 1
  }
}
