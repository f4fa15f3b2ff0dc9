import type { BuildEvent } from '../events.ts'

/** How many steps of each image were known before. */
export interface StepCounts {
  take(event: BuildEvent): void
  of(image: string, platform: string): { readonly cached: number; readonly all: number }
}

/** Counts steps as they end; one that several images or platforms share is a step of each. */
export function createStepCounts(): StepCounts {
  const open = new Map<string, readonly string[]>()
  const counts = new Map<string, { cached: number; all: number }>()
  return {
    take(event) {
      if (event.type === 'step.start')
        open.set(
          event.step,
          (event.images ?? []).flatMap((image) => event.platforms.map((platform) => keyOf(image, platform))),
        )
      if (event.type !== 'step.done') return
      for (const key of open.get(event.step) ?? []) {
        const { cached, all } = counts.get(key) ?? { cached: 0, all: 0 }
        counts.set(key, { cached: cached + (event.cached ? 1 : 0), all: all + 1 })
      }
      open.delete(event.step)
    },
    of: (image, platform) => counts.get(keyOf(image, platform)) ?? { cached: 0, all: 0 },
  }
}

function keyOf(image: string, platform: string): string {
  return `${image}\0${platform}`
}
