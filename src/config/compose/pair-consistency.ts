import { nodeAt, textOf, type ComposeMap, type Report } from './node.ts'

/**
 * Reports items of lists that are no pairs, or whose names nobody can mean. Without `isWhole` only what decides builds
 * is looked at.
 */
export function checkPairs(services: ComposeMap, report: Report, isWhole = true): void {
  for (const { value } of services.entries.values()) {
    const each = (key: string, check: (text: string) => string | undefined, node = nodeAt(value, 'build', key)) => {
      for (const item of node?.kind === 'list' ? node.items : []) {
        const text = textOf(item) ?? ''
        const state = check(text)
        if (state !== undefined) report(item.at, `Cannot use "${text}" of ${key}: ${state}`)
      }
    }
    each('args', (text) => (/^[^=]*\s(?:=|$)/.test(text) ? 'its name ends with a space' : undefined))
    each('additional_contexts', (text) => (text.includes('=') ? undefined : 'it is not NAME=CONTEXT'))
    each('extra_hosts', hostProblem)
    if (isWhole) each('extra_hosts', hostProblem, nodeAt(value, 'extra_hosts'))
  }
}

function hostProblem(text: string): string | undefined {
  return /^[^=:]+[=:]/.test(text) ? undefined : 'it is not NAME=ADDRESS'
}
