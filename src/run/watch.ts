import type { BuildEvent, Emit } from '../events.ts'
import { XbuildError } from '../errors.ts'
import { targetName } from '../plan/target-id.ts'

/** Limits for one job; milliseconds. */
export interface Limits {
  readonly timeout?: number | undefined
  /** What of it is gone already, on other nodes. */
  readonly spent?: number
  /** How long its running steps may say nothing. */
  readonly silence?: number | undefined
}

/** A job under watch: the signal aborts when the build is canceled, or when a limit is reached. */
export interface Watched {
  readonly signal: AbortSignal
  /** Why it was stopped, if it was: TIMEOUT. */
  stopped(): { readonly error: XbuildError; readonly silent: boolean } | undefined
  end(): void
}

/** Listens to all events of a build, and so knows when the steps of a platform said something last. */
export interface Listener {
  readonly emit: Emit
  watch(target: WatchedTarget, limits: Limits, signal: AbortSignal): Watched
}

/** Whose steps are watched. */
export interface WatchedTarget {
  readonly image?: string | undefined
  readonly platform: string
}

interface Step {
  readonly name: string
  readonly platforms: readonly string[]
  readonly images?: readonly string[] | undefined
  heard: number
}

/** Passes events on to `emit` and remembers when each running step said something. */
export function createListener(emit: Emit): Listener {
  const running = new Map<string, Step>()
  return { emit: (event) => (hear(event), emit(event)), watch }

  function hear(event: BuildEvent): void {
    if (event.type === 'step.start')
      running.set(event.step, {
        name: event.name,
        platforms: event.platforms,
        images: event.images,
        heard: Date.now(),
      })
    else if (event.type === 'step.done' || event.type === 'step.fail') running.delete(event.step)
    else if (event.type === 'step.log') heardOf(event.step)
    // What a step fetches is not known; whatever is on its way may be for it
    else if (event.type === 'transfer') for (const id of running.keys()) heardOf(id)
  }

  function heardOf(id: string): void {
    const step = running.get(id)
    if (step) step.heard = Date.now()
  }

  function watch(target: WatchedTarget, { timeout, spent = 0, silence }: Limits, signal: AbortSignal): Watched {
    const stop = new AbortController()
    let why: ReturnType<Watched['stopped']>
    const timers: NodeJS.Timeout[] = []
    const end = (error: XbuildError, silent: boolean) => {
      why ??= { error, silent }
      stop.abort(error)
    }
    if (timeout !== undefined) {
      timers.push(
        setTimeout(
          () =>
            end(
              new XbuildError(
                'TIMEOUT',
                `Cannot build ${targetName(target)}: its time limit of ${formatDuration(timeout)} is over`,
                {
                  hint: 'Give it more time with --timeout, or timeout of the platform in xbuild.yaml',
                },
              ),
              false,
            ),
          Math.max(1, timeout - spent),
        ),
      )
    }
    if (silence !== undefined) {
      timers.push(
        setInterval(
          () => {
            const now = Date.now()
            const silent = [...running.values()].find((step) => serves(step, target) && now - step.heard >= silence)
            if (silent)
              end(
                new XbuildError(
                  'TIMEOUT',
                  `Cannot finish "${silent.name}": it printed nothing for ${formatDuration(silence)}`,
                  {
                    hint: 'Give it more time with --silence-timeout',
                  },
                ),
                true,
              )
          },
          Math.max(20, Math.min(1000, silence / 4)),
        ),
      )
    }
    return {
      signal: timers.length === 0 ? signal : AbortSignal.any([signal, stop.signal]),
      stopped: () => why,
      end: () => timers.forEach(clearTimeout),
    }
  }
}

function serves({ platforms, images }: Step, { image, platform }: WatchedTarget): boolean {
  return platforms.includes(platform) && (image === undefined || images === undefined || images.includes(image))
}

/** A time limit as people say it: `90 s`, `20 min`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  return seconds >= 120 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}
