import type { BuildPlan, Job, Rejected } from '../plan/types.ts'
import { formatPlatform } from '../platform.ts'
import { cleanLine } from './text.ts'

const HEAD = ['STAGE', 'RUNS ON', 'FOR', 'STRATEGY', 'NODE', 'REASON']

/**
 * A plan as a table: a row per job in the order of the plan, and under it what was not taken and why. Ends in a
 * newline.
 */
export function formatPlan(plan: BuildPlan): string {
  const rows = plan.jobs.map(rowOf)
  const widths = HEAD.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)))
  const format = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  const table = plan.jobs.flatMap((job, i) => [
    format(rows[i]!),
    ...formatOverrides(job),
    ...job.decision.rejected.map(formatRejected),
  ])
  const unplaced = (plan.unplaced ?? []).map(
    ({ platform, because }) => `${formatPlatform(platform)} is optional and left out: ${cleanLine(because)}`,
  )
  const failed = (plan.images ?? []).flatMap(({ name, error }) =>
    error ? [`${name} cannot be built: ${cleanLine(error.message)}`] : [],
  )
  const platforms = plan.platforms.map(formatPlatform).join(', ')
  const title = `${cleanLine(plan.dockerfile)} for ${platforms}, built on ${formatPlatform(plan.buildPlatform)}`
  const lost = (plan.lost ?? []).map(({ name, because }) => `without ${cleanLine(name)}: ${cleanLine(because)}`)
  return `${[title, '', format(HEAD), ...table, ...lost, ...failed, ...unplaced, ...formatBases(plan), ...formatPushes(plan)].join('\n')}\n`
}

function rowOf(job: Job): string[] {
  const { strategy, reason } = job.decision
  const targets = job.kind === 'image' ? [job.target] : job.targets
  const how = strategy.kind === 'emulate' ? `emulate (${strategy.emulator})` : strategy.kind
  const own = job.image === undefined ? job.stage : `${job.image}: ${job.stage}`
  const stage = job.kind === 'image' ? `${own} (image)` : own
  const cells = [
    stage,
    formatPlatform(job.platform),
    targets.map(formatPlatform).join(', '),
    how,
    strategy.node,
    reason,
  ]
  return cells.map((cell) => cleanLine(cell))
}

function formatBases({ bases = [] }: BuildPlan): string[] {
  if (bases.length === 0) return []
  const rows = bases.map(({ image, platform, status, detail }) => [
    cleanLine(image),
    formatPlatform(platform),
    status === 'found' ? cleanLine(detail) : `${status}: ${cleanLine(detail)}`,
  ])
  return ['', ...columns([['BASE IMAGE', 'PLATFORM', 'STATE'], ...rows])]
}

function formatPushes({ pushes = [] }: BuildPlan): string[] {
  if (pushes.length === 0) return []
  return [
    '',
    ...columns([
      ['PUSH TO', 'RIGHT'],
      ...pushes.map(({ repository, status, detail }) => [
        cleanLine(repository),
        detail ? `${status}: ${cleanLine(detail)}` : status,
      ]),
    ]),
  ]
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}

function formatOverrides(job: Job): string[] {
  return job.kind === 'image' && job.overrides
    ? [`  with ${job.overrides.map((text) => cleanLine(text)).join(', ')}`]
    : []
}

function formatRejected({ kind, node, because }: Rejected): string {
  return `  not ${kind} on ${cleanLine(node)}: ${cleanLine(because)}`
}
