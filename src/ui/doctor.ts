import type { Finding } from '../doctor/finding.ts'
import { cleanLine, count, createPaint } from './text.ts'

const COLORS = { ok: 'green', warning: 'yellow', problem: 'red' } as const

/** Findings by machine, each with its fix under it, and how many are bad. Ends in a newline. */
export function formatFindings(findings: readonly Finding[], { color }: { readonly color: boolean }): string {
  const paint = createPaint(color)
  const width = Math.max(0, ...findings.map(({ name }) => name.length))
  const machines = [...new Set(findings.map(({ node }) => node))]
  const blocks = machines.map((node) =>
    [
      paint('bold', cleanLine(node === 'local' ? 'This machine' : node)),
      ...findings
        .filter((finding) => finding.node === node)
        .flatMap(({ name, state, text, fix }) => [
          `  ${paint(COLORS[state], state.padEnd('warning'.length))}  ${cleanLine(`${name.padEnd(width)}  ${text}`)}`,
          ...(fix ? [`  ${' '.repeat('warning'.length)}  ${cleanLine(`${' '.repeat(width)}  fix: ${fix}`)}`] : []),
        ]),
    ].join('\n'),
  )
  const [problems, warnings] = [
    findings.filter(({ state }) => state === 'problem').length,
    findings.filter(({ state }) => state === 'warning').length,
  ]
  const safe = findings.some(({ state, repair }) => state !== 'ok' && repair)
    ? '; xbuild doctor --fix does what is safe'
    : ''
  return `${[...blocks, `${count(problems, 'problem')}, ${count(warnings, 'warning')}${safe}`].join('\n\n')}\n`
}

/** The same for machines: an array. Ends in a newline. */
export function findingsJson(findings: readonly Finding[]): string {
  return `${JSON.stringify(
    findings.map(({ repair, ...finding }) => ({ ...finding, fixable: repair !== undefined })),
    null,
    2,
  )}\n`
}
