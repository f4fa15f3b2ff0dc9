import { cut, formatDuration } from '../ui/text.ts'
import { codeBlock, codeSpan, mermaidText, table } from './markdown.ts'
import type { Seen, SeenStep, SeenTarget } from './seen.ts'

/** What a summary shows beside what was seen of the build. */
export interface SummaryFacts {
  readonly title: string
  readonly failed: boolean
  readonly digest?: string
  readonly tags: readonly string[]
  /** Whether the image can be pulled by now. */
  readonly pushed: boolean
  /** The plan as `xbuild plan --json` prints it. */
  readonly plan?: PlanJson
  /** What the program said last, of a build that failed. */
  readonly text?: string
}

/** What is used of a plan. */
export interface PlanJson {
  readonly jobs: readonly {
    readonly id: string
    readonly kind: string
    readonly stage: string
    readonly image?: string
    readonly needs: readonly string[]
    readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string }
    readonly decision: {
      readonly strategy: { readonly kind: string; readonly node: string }
      readonly reason: string
    }
  }[]
}

/** GitHub refuses summaries of more than 1 MiB. */
const MOST_BYTES = 1_000_000
const MOST_JOBS = 60

/** The summary of a build as Markdown. Whatever a Dockerfile, a step or a registry says in it is text. */
export function formatSummary(seen: Seen, facts: SummaryFacts): string {
  const { failed, title, digest, plan, text } = facts
  const parts = [
    `## xbuild: ${codeSpan(title)}`,
    failed ? '**Failed**' : digest === undefined ? '' : `Built ${codeSpan(digest)}`,
    targetsTable(seen),
    errorsPart(seen, text),
    pullPart(facts),
    warningsPart(seen),
    planPart(plan),
  ]
  return bounded(`${parts.filter((part) => part !== '').join('\n\n')}\n`)
}

function targetsTable({ targets, steps }: Seen): string {
  if (targets.size === 0) return ''
  const all = [...targets.values()]
  const named = all.some(({ image }) => image !== undefined)
  const cell = (text: string) => codeSpan(text, { inTable: true })
  const rows = all.map((target) => [
    ...(named ? [cell(target.image ?? '')] : []),
    cell(target.platform),
    cell(target.node === 'local' ? target.strategy : `${target.strategy} on ${target.node}`),
    stateOf(target),
    cachedOf([...steps.values()].filter((step) => serves(step, target))),
    target.endedAt === undefined ? '' : formatDuration(target.endedAt - target.startedAt),
    target.digest === undefined ? '' : cell(target.digest),
  ])
  const head = ['Platform', 'How', 'Result', 'Cached steps', 'Time', 'Digest']
  return table(named ? ['Image', ...head] : head, rows)
}

function stateOf({ status }: SeenTarget): string {
  return { done: '✅ built', failed: '❌ failed', skipped: '⏭️ skipped', running: '🛑 stopped' }[status]
}

function serves({ platforms, images }: SeenStep, { platform, image }: SeenTarget): boolean {
  return platforms.includes(platform) && (image === undefined || images.length === 0 || images.includes(image))
}

function cachedOf(steps: readonly SeenStep[]): string {
  const ended = steps.filter(({ status }) => status !== 'running')
  return `${ended.filter(({ status }) => status === 'cached').length} of ${ended.length}`
}

function errorsPart({ errors }: Seen, text: string | undefined): string {
  const blocks = [...errors.values()].slice(0, 20).map(({ message, at, platforms, output = [], hint }) => {
    const place = at ? `\n  at ${at.file}:${at.line}` : ''
    const lines = output.slice(-20).map((line) => `  │ ${line}`)
    const said = `${platforms.join(', ')}${platforms.length > 0 ? ': ' : ''}${message}${place}`
    return codeBlock([said, ...lines, ...(hint ? [`  ${hint}`] : [])].join('\n'))
  })
  if (blocks.length > 0) return ['### Errors', ...blocks].join('\n\n')
  return text === undefined || text.trim() === '' ? '' : `### Errors\n\n${codeBlock(cut(text.trim(), 20_000))}`
}

function pullPart({ pushed, tags, digest, failed }: SummaryFacts): string {
  if (!pushed || failed || digest === undefined || tags.length === 0) return ''
  return `### Pull\n\n${codeBlock(tags.map((tag) => `docker pull ${withDigest(tag, digest)}`).join('\n'), 'sh')}`
}

// A tag is moved by the next build: the digest stays
function withDigest(tag: string, digest: string): string {
  return `${tag.replace(/@.*$/, '')}@${digest}`
}

function warningsPart({ warnings }: Seen): string {
  if (warnings.length === 0) return ''
  const lines = warnings.slice(0, 100).map(({ message, source }) => {
    return `- ${codeSpan(message)}${source ? ` at ${codeSpan(`${source.file}:${source.line}`)}` : ''}`
  })
  const more = warnings.length > 100 ? [`- and ${warnings.length - 100} more`] : []
  return `### Checks and audit\n\n${[...lines, ...more].join('\n')}`
}

function planPart(plan: PlanJson | undefined): string {
  if (!plan || plan.jobs.length === 0) return ''
  const jobs = plan.jobs.slice(0, MOST_JOBS)
  const ids = new Map(jobs.map(({ id }, index) => [id, `n${index}`]))
  const nodes = jobs.map(({ id, stage, image, platform, decision }) => {
    const name = mermaidText(image === undefined ? stage : `${image}: ${stage}`)
    const runs = mermaidText(`${Object.values(platform).join('/')} ${decision.strategy.kind} ${decision.strategy.node}`)
    return `  ${ids.get(id)}["${name}<br>${runs}"]`
  })
  const edges = jobs.flatMap(({ id, needs }) =>
    needs.flatMap((need) => (ids.has(need) ? [`  ${ids.get(need)} --> ${ids.get(id)}`] : [])),
  )
  const cell = (text: string) => codeSpan(text, { inTable: true })
  const rows = jobs.map(({ stage, image, platform, decision }) => [
    cell(image === undefined ? stage : `${image}: ${stage}`),
    cell(Object.values(platform).join('/')),
    cell(`${decision.strategy.kind} on ${decision.strategy.node}`),
    cell(decision.reason),
  ])
  const left = plan.jobs.length - jobs.length
  return [
    `<details><summary>Plan: ${plan.jobs.length} jobs${left > 0 ? `, the first ${MOST_JOBS} shown` : ''}</summary>`,
    `\`\`\`mermaid\ngraph LR\n${[...nodes, ...edges].join('\n')}\n\`\`\``,
    table(['Stage', 'Runs on', 'How', 'Why'], rows),
    '</details>',
  ].join('\n\n')
}

function bounded(text: string): string {
  if (Buffer.byteLength(text) <= MOST_BYTES) return text
  return `${Buffer.from(text)
    .subarray(0, MOST_BYTES)
    .toString('utf8')
    .replace(/\ufffd*$/, '')}\n\n(The rest is left out.)\n`
}
