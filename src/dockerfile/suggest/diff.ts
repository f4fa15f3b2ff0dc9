import { editsByLine } from './draft.ts'
import type { LineEdit } from './types.ts'

const CONTEXT = 3

/** The edits of one file as a unified diff that `patch -p0` and `git apply -p0` take; empty without edits. */
export function unifiedDiff(file: string, text: string, edits: readonly LineEdit[]): string {
  if (edits.length === 0) return ''
  const lines = text.split('\n')
  const endsWithNewline = lines.at(-1) === ''
  if (endsWithNewline) lines.pop()
  let shift = 0
  const byLine = editsByLine(edits)
  const hunks = groups(edits).map((group) => {
    const first = Math.max(1, group[0]!.line - CONTEXT)
    const last = Math.min(lines.length, group.at(-1)!.line + CONTEXT)
    const body: string[] = []
    let grown = 0
    for (let line = first; line <= last; line++) {
      const own = byLine.get(line) ?? []
      const changed = own.find(({ before }) => before !== undefined)
      const added = own.filter(({ before }) => before === undefined)
      grown += added.length
      const whole = endsWithNewline || line < lines.length
      if (!changed) body.push(...added.map(({ after }) => `+${after}`), ` ${lines[line - 1]}`)
      else
        body.push(...marked('-', changed.before!, whole), ...added.map(({ after }) => `+${after}`), `+${changed.after}`)
      if (!whole) body.push(NO_NEWLINE)
    }
    const head = `@@ -${first},${last - first + 1} +${first + shift},${last - first + 1 + grown} @@`
    shift += grown
    return [head, ...body]
  })
  return `${[`--- ${file}`, `+++ ${file}`, ...hunks.flat()].join('\n')}\n`
}

const NO_NEWLINE = '\\ No newline at end of file'

function marked(mark: '-', line: string, whole: boolean): string[] {
  return whole ? [`${mark}${line}`] : [`${mark}${line}`, NO_NEWLINE]
}

/** Edits whose context touches belong into one hunk. */
function groups(edits: readonly LineEdit[]): LineEdit[][] {
  const found: LineEdit[][] = []
  for (const edit of edits) {
    const last = found.at(-1)
    if (last && edit.line - last.at(-1)!.line <= 2 * CONTEXT) last.push(edit)
    else found.push([edit])
  }
  return found
}
