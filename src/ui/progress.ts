import { compact } from '../compact.ts'
import type { BuildEvent } from '../events.ts'
import { targetName } from '../plan/target-id.ts'
import { cleanLine } from './text.ts'

/** How many of the last lines of a running step are kept. */
export const KEPT_LINES = 6

export interface StepState {
  readonly name: string
  readonly startedAt: number
  status: 'running' | 'done' | 'cached' | 'failed'
  endedAt?: number
  log: string[]
}

/** What is shown together: the steps of one platform, or of several that share them. */
export interface GroupState {
  readonly title: string
  readonly startedAt: number
  status: 'running' | 'done' | 'failed' | 'skipped'
  strategy?: string
  because?: string
  endedAt?: number
  readonly steps: StepState[]
}

export interface TransferState {
  readonly name: string
  readonly startedAt: number
  current: number
  total?: number
  done: boolean
}

/** All events so far, as what there is to show. `update` changes it in place: there are many log lines. */
export interface Progress {
  readonly groups: Map<string, GroupState>
  readonly steps: Map<string, { readonly step: StepState; readonly group: GroupState }>
  readonly transfers: Map<string, TransferState>
  readonly warnings: { readonly message: string; readonly source?: { readonly file: string; readonly line: number } }[]
}

/** Nothing has happened yet. */
export function createProgress(): Progress {
  return { groups: new Map(), steps: new Map(), transfers: new Map(), warnings: [] }
}

/** Takes one event in. */
export function update(progress: Progress, event: BuildEvent): void {
  switch (event.type) {
    case 'job.start': {
      const group = groupOf(progress, jobTarget(event), event.at)
      group.strategy = placeText(event.strategy, event.node)
      return
    }
    case 'job.move': {
      const group = groupOf(progress, jobTarget(event), event.at)
      group.strategy = placeText(event.strategy, event.to)
      progress.warnings.push({ message: movedText(event) })
      return
    }
    case 'job.done':
    case 'job.fail':
    case 'job.skip': {
      const group = groupOf(progress, jobTarget(event), event.at)
      group.status = event.type === 'job.done' ? 'done' : event.type === 'job.fail' ? 'failed' : 'skipped'
      group.endedAt = event.at
      if (event.type === 'job.skip') group.because = cleanLine(event.because)
      return
    }
    case 'step.start': {
      const group = groupOf(progress, event, event.at)
      const step: StepState = {
        name: stepName(event.name, event.platforms),
        startedAt: event.at,
        status: 'running',
        log: [],
      }
      group.steps.push(step)
      progress.steps.set(event.step, { step, group })
      return
    }
    case 'step.log': {
      const log = progress.steps.get(event.step)?.step.log
      const line = cleanLine(event.line)
      if (!log || line.trim() === '') return
      log.push(line)
      if (log.length > KEPT_LINES) log.shift()
      return
    }
    case 'step.done':
    case 'step.fail': {
      const found = progress.steps.get(event.step)
      if (!found) return
      found.step.status = event.type === 'step.fail' ? 'failed' : event.cached ? 'cached' : 'done'
      found.step.endedAt = event.at
      if (event.type === 'step.done') found.step.log = []
      return
    }
    case 'transfer': {
      const known = progress.transfers.get(event.id)
      const transfer = known ?? { name: cleanLine(event.name), startedAt: event.at, current: 0, done: false }
      transfer.current = event.current
      if (event.total !== undefined) transfer.total = event.total
      if (event.done) transfer.done = true
      progress.transfers.set(event.id, transfer)
      return
    }
    case 'warning':
      progress.warnings.push({ message: cleanLine(event.message), ...compact({ source: event.source }) })
  }
}

/** How and, when that is not here, where a job is done. */
export function placeText(strategy: string, node = 'local'): string {
  return node === 'local' ? strategy : `${strategy} on ${cleanLine(node)}`
}

/** What is said of a job that moves. */
export function movedText({
  image,
  platform,
  from,
  to,
  strategy,
  because,
}: Extract<BuildEvent, { type: 'job.move' }>): string {
  const where =
    from === to
      ? `is tried again on ${cleanLine(to)}`
      : `moves from ${cleanLine(from)} to ${cleanLine(to)} (${strategy})`
  return `${targetName({ image, platform })} ${where}: ${cleanLine(because)}`
}

interface Served {
  readonly platforms: readonly string[]
  readonly images?: readonly string[]
}

function jobTarget({ image, platform }: { readonly image?: string; readonly platform: string }): Served {
  return { platforms: [platform], ...(image === undefined ? {} : { images: [image] }) }
}

function groupOf(progress: Progress, { platforms, images = [] }: Served, at: number): GroupState {
  const names = images.length > 0 ? `${images.join(', ')}: ` : ''
  const key = `${names}${platforms.join(', ')}`
  const known = progress.groups.get(key)
  if (known) return known
  const shared = platforms.length === 0 || platforms.length > 3 || images.length > 3
  const group: GroupState = { title: shared ? 'shared steps' : key, startedAt: at, status: 'running', steps: [] }
  progress.groups.set(key, group)
  return group
}

// The group already says the platform
function stepName(name: string, platforms: readonly string[]): string {
  const clean = cleanLine(name, 400)
  const prefix = platforms.length === 1 ? `[${platforms[0]} ` : undefined
  return prefix && clean.startsWith(prefix) ? `[${clean.slice(prefix.length)}` : clean
}
