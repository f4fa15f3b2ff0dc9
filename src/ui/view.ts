import type { GroupState, Progress, StepState, TransferState } from './progress.ts'
import { count, cut, formatBytes, formatDuration, type Paint } from './text.ts'

/** One block of the terminal picture: a title and the lines under it. */
export interface Block {
  readonly key: string
  readonly status: 'running' | 'done' | 'failed' | 'skipped'
  readonly lines: readonly string[]
}

/** The size of the picture and the time it is drawn for. */
export interface ViewOptions {
  readonly columns: number
  readonly rows: number
  readonly now: number
  readonly paint: Paint
}

/** The picture of a running build, never higher than the terminal. */
export function viewRunning(progress: Progress, options: ViewOptions): Block[] {
  const groups = [...progress.groups]
  const transfers = [...progress.transfers.values()].filter((transfer) => !transfer.done)
  const blocks = groups.length + (progress.transfers.size > 0 ? 1 : 0)
  const budget = Math.max(1, Math.floor((options.rows - 2) / Math.max(1, blocks)) - 1)
  return [
    ...groups.map(([key, group]) => {
      const status = statusOf(group)
      const lines = status === 'running' ? runningLines(group, budget, options) : failedLines(group, options)
      return { key: `group ${key}`, status, lines: [header(group, options), ...lines] }
    }),
    ...transferBlock(progress, transfers, budget, options),
  ]
}

/** The picture that stays on the terminal: what ran and how long it took. */
export function viewFinal(progress: Progress, options: ViewOptions): Block[] {
  const groups = [...progress.groups].map(([key, group]) => {
    const ran = group.steps.filter((step) => step.status !== 'cached')
    const lines = ran.slice(-MOST_FINAL).map((step) => stepLine(step, options))
    const more = ran.length - lines.length
    const status = statusOf(group)
    const shown = [
      header(group, options),
      ...(more > 0 ? [options.paint('dim', `… ${count(more, 'step')} before`)] : []),
      ...lines,
    ]
    return { key: `group ${key}`, status: status === 'running' ? ('skipped' as const) : status, lines: shown }
  })
  return [...groups, ...transferBlock(progress, [], 0, options)]
}

const MOST_FINAL = 12

// Steps that platforms share have no job that could end
function statusOf(group: GroupState): Block['status'] {
  if (group.status !== 'running' || group.strategy !== undefined) return group.status
  if (group.steps.some((step) => step.status === 'failed')) return 'failed'
  return group.steps.some((step) => step.status === 'running') ? 'running' : 'done'
}

function header(group: GroupState, { now, paint, columns }: ViewOptions): string {
  const finished = group.steps.filter((step) => step.status === 'done' || step.status === 'cached').length
  const cached = group.steps.filter((step) => step.status === 'cached').length
  const end = group.endedAt ?? (statusOf(group) === 'running' ? now : lastEnd(group))
  const facts = [
    group.strategy,
    finished > 0 ? count(finished, 'step') + (cached > 0 ? `, ${cached} cached` : '') : undefined,
    group.because,
    group.status === 'skipped' ? undefined : formatDuration(end - group.startedAt),
  ].filter((fact) => fact !== undefined)
  const rest = cut(` · ${facts.join(' · ')}`, Math.max(0, columns - group.title.length - 4))
  return paint('bold', group.title) + paint('dim', facts.length > 0 ? rest : '')
}

function lastEnd(group: GroupState): number {
  return group.steps.reduce((latest, step) => Math.max(latest, step.endedAt ?? 0), group.startedAt)
}

function runningLines(group: GroupState, budget: number, options: ViewOptions): string[] {
  const running = group.steps.filter((step) => step.status === 'running')
  const shown = running.slice(0, running.length > budget ? Math.max(0, budget - 1) : budget)
  const free = budget - shown.length
  const perStep = shown.length > 0 ? Math.min(MOST_LOG, Math.floor(free / shown.length)) : 0
  const lines = shown.flatMap((step) => [stepLine(step, options), ...logLines(step, perStep, options)])
  const hidden = running.length - shown.length
  if (hidden > 0) lines.push(options.paint('dim', `… and ${hidden} more running`))
  const room = Math.max(0, budget - lines.length)
  const ended = group.steps.filter((step) => step.status !== 'running')
  return [...ended.slice(Math.max(0, ended.length - room)).map((step) => stepLine(step, options)), ...lines].slice(
    -budget,
  )
}

const MOST_LOG = 4

function failedLines(group: GroupState, options: ViewOptions): string[] {
  return group.steps
    .filter((step) => step.status === 'failed')
    .slice(0, 1)
    .map((step) => stepLine(step, options))
}

function stepLine(step: StepState, { now, paint, columns }: ViewOptions): string {
  const time = step.status === 'cached' ? 'cached' : formatDuration((step.endedAt ?? now) - step.startedAt)
  const name = cut(step.name, Math.max(10, columns - time.length - 8))
  if (step.status === 'failed') return `${paint('red', name)}  ${time}`
  if (step.status === 'running') return `${name}  ${paint('cyan', time)}`
  return `${paint('dim', name)}  ${paint(step.status === 'cached' ? 'green' : 'dim', time)}`
}

function logLines(step: StepState, most: number, { paint, columns }: ViewOptions): string[] {
  return most > 0
    ? step.log.slice(-most).map((line) => paint('dim', `  │ ${cut(line, Math.max(10, columns - 10))}`))
    : []
}

function transferBlock(
  progress: Progress,
  running: readonly TransferState[],
  budget: number,
  options: ViewOptions,
): Block[] {
  const all = [...progress.transfers.values()]
  if (all.length === 0) return []
  const bytes = all.reduce((sum, transfer) => sum + transfer.current, 0)
  const title = options.paint('bold', 'transfers') + options.paint('dim', ` · ${all.length} · ${formatBytes(bytes)}`)
  const lines = running.slice(0, Math.min(budget, 8)).map((transfer) => transferLine(transfer, options))
  return [{ key: 'transfers', status: running.length > 0 ? 'running' : 'done', lines: [title, ...lines] }]
}

function transferLine(
  { name, current, total, startedAt }: TransferState,
  { paint, columns, now }: ViewOptions,
): string {
  const size = total === undefined ? formatBytes(current) : `${formatBytes(current)} / ${formatBytes(total)}`
  const facts = `${size}  ${formatDuration(now - startedAt)}`
  return `${cut(name, Math.max(10, columns - facts.length - 8))}  ${paint('cyan', facts)}`
}
