import { compact } from '../compact.ts'
import type { BuildEvent } from '../events.ts'
import type { SourcePosition } from '../errors.ts'

/** An error as `--progress rawjson` writes it. */
export interface SeenError {
  readonly code?: string
  readonly message: string
  readonly hint?: string
  readonly at?: SourcePosition
  readonly output?: readonly string[]
}

/** An event of a build as `--progress rawjson` writes it. */
export type SeenEvent =
  | Exclude<BuildEvent, { readonly error: unknown }>
  | (Omit<Extract<BuildEvent, { type: 'job.fail' }>, 'error'> & { readonly error: SeenError })
  | (Omit<Extract<BuildEvent, { type: 'step.fail' }>, 'error'> & { readonly error: SeenError })

/** An image for a platform, so far. */
export interface SeenTarget {
  readonly image?: string
  readonly platform: string
  readonly startedAt: number
  status: 'running' | 'done' | 'failed' | 'skipped'
  strategy: string
  node: string
  endedAt?: number
  digest?: string
  because?: string
}

/** A step, so far. */
export interface SeenStep {
  readonly name: string
  readonly platforms: readonly string[]
  readonly images: readonly string[]
  readonly startedAt: number
  status: 'running' | 'done' | 'cached' | 'failed'
  endedAt?: number
}

/** Something that was said of a place. */
export interface SeenWarning {
  readonly message: string
  readonly source?: SourcePosition
}

/** All that is known of a build from its events. `takeEvent` changes it in place. */
export interface Seen {
  readonly targets: Map<string, SeenTarget>
  readonly steps: Map<string, SeenStep>
  readonly warnings: SeenWarning[]
  /** Each error once, with the platforms that it ended. */
  readonly errors: Map<string, SeenError & { readonly platforms: string[] }>
}

/** Nothing was seen yet. */
export function createSeen(): Seen {
  return { targets: new Map(), steps: new Map(), warnings: [], errors: new Map() }
}

/** A line of `--progress rawjson`; undefined for other text. */
export function readEvent(line: string): SeenEvent | { readonly type: 'note'; readonly message: string } | undefined {
  if (!line.startsWith('{"type":"')) return undefined
  try {
    return JSON.parse(line) as SeenEvent
  } catch {
    return undefined
  }
}

/** What a job is of, as people read it. */
export function titleOf(platforms: readonly string[], images: readonly string[] = []): string {
  const names = images.length > 0 ? `${images.join(', ')}: ` : ''
  return platforms.length > 3 || images.length > 3 || platforms.length === 0
    ? 'shared steps'
    : `${names}${platforms.join(', ')}`
}

/** Takes an event in. */
export function takeEvent(seen: Seen, event: SeenEvent): void {
  switch (event.type) {
    case 'job.start': {
      const { image, platform, strategy, node = 'local', at } = event
      const target = { ...compact({ image }), platform, startedAt: at }
      seen.targets.set(keyOf(event), { ...target, status: 'running', strategy, node })
      return
    }
    case 'job.move': {
      const target = seen.targets.get(keyOf(event))
      if (target) Object.assign(target, { strategy: event.strategy, node: event.to })
      const { image, platform, from, to, because } = event
      seen.warnings.push({
        message: `${titleOf([platform], image ? [image] : [])} moved from ${from} to ${to}: ${because}`,
      })
      return
    }
    case 'job.done':
      end(seen, event, { status: 'done', digest: event.digest })
      return
    case 'job.skip':
      end(seen, event, { status: 'skipped', because: event.because })
      return
    case 'job.fail': {
      end(seen, event, { status: 'failed', because: event.error.message })
      const { error, platform } = event
      const key = `${error.at?.file}:${error.at?.line}:${error.message}`
      const known = seen.errors.get(key)
      if (known) known.platforms.push(platform)
      else seen.errors.set(key, { ...error, platforms: [platform] })
      return
    }
    case 'step.start': {
      const { name, platforms, images = [], at } = event
      seen.steps.set(event.step, { name, platforms, images, startedAt: at, status: 'running' })
      return
    }
    case 'step.done':
    case 'step.fail': {
      const status = event.type === 'step.fail' ? 'failed' : event.cached ? 'cached' : 'done'
      const step = seen.steps.get(event.step)
      if (step) Object.assign(step, { status, endedAt: event.at })
      return
    }
    case 'warning':
      seen.warnings.push(event)
      return
    case 'step.log':
    case 'transfer':
  }
}

function end(seen: Seen, event: SeenEvent & { readonly type: `job.${string}` }, change: Partial<SeenTarget>): void {
  const target = seen.targets.get(keyOf(event))
  if (target) Object.assign(target, { ...change, endedAt: event.at })
}

function keyOf({ image, platform }: { readonly image?: string; readonly platform: string }): string {
  return JSON.stringify([image ?? null, platform])
}
