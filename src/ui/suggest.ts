import type { Advice, Suggestions } from '../dockerfile/suggest/types.ts'
import { cleanLine } from './text.ts'

/** What is said about each stage. Ends in a newline. */
export function formatAdvice({ stages, edits }: Suggestions, file: string): string {
  const found = stages.filter(({ status }) => status === 'suggested').length
  const lines = stages.flatMap((advice) => {
    const head = `${file}:${advice.line} stage ${advice.stage}: `
    if (advice.status !== 'suggested')
      return [`${head}${advice.status === 'done' ? '' : 'no change: '}${advice.reason}`]
    return [`${head}${advice.summary}`, ...details(advice)]
  })
  const last =
    edits.length === 0
      ? 'Nothing to change'
      : `A change for ${found} of ${stages.length} stages: apply it with patch -p0, or write it with --write`
  return `${[...lines, last].map((line) => cleanLine(line)).join('\n')}\n`
}

function details({ win, left }: Advice & { readonly status: 'suggested' }): string[] {
  return [`  expected: ${win.text}`, `    (${win.basis})`, ...left.map((what) => `  check: ${what}`)]
}

/** All that was found, for machines. Ends in a newline. */
export function suggestionsToJson({ stages, edits, diff }: Suggestions, file: string): string {
  return `${JSON.stringify({ file, stages, edits, diff }, null, 2)}\n`
}
