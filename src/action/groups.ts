import { cleanLine, formatDuration } from '../ui/text.ts'
import type { Log } from './log.ts'
import { titleOf, type Seen, type SeenEvent, type SeenStep } from './seen.ts'

/** Lines that are kept of one group; the first of a longer one are left out. */
const MOST_LINES = 20_000

interface Group {
  lines: string[]
  dropped: number
}

/** Shows the steps of a build: a line when one starts, and a folded group for each platform when it has ended. */
export interface Groups {
  take(event: SeenEvent): void
  /** Shows what was not shown yet. */
  flush(): void
}

/** Groups that write to a log, over what is `seen`; an event is taken after `takeEvent` has seen it. */
export function createGroups(seen: Seen, log: Log): Groups {
  const groups = new Map<string, Group>()
  const add = (step: SeenStep | undefined, line: string): void => {
    if (!step) return
    const title = titleOf(step.platforms, step.images)
    const group = groups.get(title) ?? { lines: [], dropped: 0 }
    groups.set(title, group)
    group.lines.push(line)
    if (group.lines.length > MOST_LINES) {
      group.dropped += group.lines.length - MOST_LINES / 2
      group.lines = group.lines.slice(-MOST_LINES / 2)
    }
  }
  const show = (title: string): void => {
    const group = groups.get(title)
    if (!group) return
    groups.delete(title)
    log.group(title, [...(group.dropped > 0 ? [`(${group.dropped} lines left out)`] : []), ...group.lines])
  }
  return {
    take: (event) => {
      const step = 'step' in event ? seen.steps.get(event.step) : undefined
      if (event.type === 'step.start') log.text(shortName(step!))
      else if (event.type === 'step.log') add(step, `    ${cleanLine(event.line)}`)
      else if (event.type === 'step.done' || event.type === 'step.fail') add(step, ended(step))
      else if (event.type === 'job.done' || event.type === 'job.fail' || event.type === 'job.skip')
        show(titleOf([event.platform], event.image === undefined ? [] : [event.image]))
    },
    flush: () => {
      for (const title of [...groups.keys()]) show(title)
    },
  }
}

function shortName({ name, platforms, images }: SeenStep): string {
  return `${titleOf(platforms, images)}: ${cleanLine(name.replace(/^\[\w+\/\S+ /, '['), 200)}`
}

function ended(step: SeenStep | undefined): string {
  if (!step) return ''
  const took = formatDuration((step.endedAt ?? step.startedAt) - step.startedAt)
  return `${step.status === 'cached' ? 'CACHED' : step.status === 'failed' ? 'FAILED' : `DONE ${took}`} ${cleanLine(step.name, 400)}`
}
