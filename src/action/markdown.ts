import { cleanLine, cleanText, cut } from '../ui/text.ts'

/**
 * Text from outside as a code span: what Markdown, HTML and links mean is text in it. `inTable`: the signs that end a
 * cell are kept from doing so.
 */
export function codeSpan(text: string, { inTable = false }: { readonly inTable?: boolean } = {}): string {
  const line = cut(cleanLine(text.replaceAll(/[\r\n]+/g, ' ')), 500)
  const shown = (inTable ? line.replaceAll('|', '\\|') : line) || ' '
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence} ${shown} ${fence}`
}

/** Lines from outside as a block of code, with a fence that none of them ends. */
export function codeBlock(text: string, language = ''): string {
  const clean = cleanText(text)
  const longest = Math.max(2, ...[...clean.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${clean}\n${fence}`
}

/** A table; cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The text of a node of a mermaid graph: only signs that mean nothing to it. */
export function mermaidText(text: string): string {
  return cut(cleanLine(text), 60).replaceAll(/[^\p{L}\p{N} ./:_@+-]/gu, '_')
}
