import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A block of code in a page of the documentation. */
export interface DocBlock {
  readonly page: string
  readonly line: number
  readonly language: string
  readonly lines: readonly string[]
  /** Why the block cannot run in a test, from the mark above it. */
  readonly notRun?: string
}

/** README.md and the pages of docs that people write, by path. */
export function docPages(): string[] {
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  return ['README.md', ...pages.map((name) => `docs/${name}`)]
}

/** The text of a page. */
export function pageText(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

/** All blocks between fences of a page. */
export function blocksOf(page: string): DocBlock[] {
  const blocks: DocBlock[] = []
  const lines = pageText(page).split('\n')
  for (let start = 0; start < lines.length; start++) {
    const language = /^```(.*)$/.exec(lines[start]!)?.[1]
    if (language === undefined) continue
    const end = lines.indexOf('```', start + 1)
    const notRun = /^<!-- not run: (.+) -->$/.exec(lines[start - 1] ?? '')?.[1]
    blocks.push({
      page,
      line: start + 1,
      language,
      lines: lines.slice(start + 1, end),
      ...(notRun ? { notRun } : {}),
    })
    start = end
  }
  return blocks
}

/** The blocks with commands: what a reader would type. */
export function commandBlocks(): DocBlock[] {
  return docPages()
    .flatMap(blocksOf)
    .filter(({ language }) => language === 'sh' || language === 'console')
}
