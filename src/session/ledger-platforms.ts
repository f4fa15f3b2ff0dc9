import { compact } from '../compact.ts'
import type { BuildEvent } from '../events.ts'
import type { RunPlatform } from '../store/runs/run-types.ts'

type PlatformLine = { readonly type: 'platform' } & RunPlatform

/** What events come to, per platform of an image. */
export function platformLines(): { of(event: BuildEvent): readonly PlatformLine[] } {
  const steps = new Map<string, readonly string[]>()
  const counts = new Map<string, { steps: number; cached: number }>()
  const started = new Map<string, number>()
  const keyOf = (image: string, platform: string) => `${image} ${platform}`

  return {
    of(event) {
      switch (event.type) {
        case 'step.start': {
          const { images = [''], platforms } = event
          steps.set(
            event.step,
            images.flatMap((image) => platforms.map((platform) => keyOf(image, platform))),
          )
          return []
        }
        case 'step.done':
        case 'step.fail':
          for (const key of steps.get(event.step) ?? []) {
            const count = counts.get(key) ?? { steps: 0, cached: 0 }
            count.steps += 1
            if (event.type === 'step.done' && event.cached) count.cached += 1
            counts.set(key, count)
          }
          return []
        case 'job.start':
          started.set(event.job, event.at)
          return [
            {
              ...idOf(event),
              status: 'running',
              strategy: event.strategy,
              ...compact({ node: event.node }),
            },
          ]
        case 'job.move':
          return [
            { ...idOf(event), status: 'running', strategy: event.strategy, node: event.to, reason: event.because },
          ]
        case 'job.done':
          return [{ ...ended(event), status: 'done', digest: event.digest }]
        case 'job.fail': {
          const { code, message } = event.error
          return [{ ...ended(event), status: 'failed', error: { code, message: message.slice(0, 4000) } }]
        }
        case 'job.skip':
          return [{ ...idOf(event), status: 'skipped', reason: event.because }]
        default:
          return []
      }
    },
  }

  function idOf({ image = '', platform }: { readonly image?: string; readonly platform: string }) {
    return { type: 'platform', image, platform } as const
  }

  function ended(event: Extract<BuildEvent, { type: 'job.done' | 'job.fail' }>) {
    const since = started.get(event.job)
    return {
      ...idOf(event),
      ...(since === undefined ? {} : { seconds: Math.max(0, event.at - since) / 1000 }),
      ...counts.get(keyOf(event.image ?? '', event.platform)),
    }
  }
}
