import type { Emit } from '../../events.ts'
import type { ClassicMessage } from './classic-message.ts'

/** Layers that a classic builder fetches. */
export interface ClassicPulls {
  take(message: ClassicMessage): void
  /** Ends those that are still fetched. */
  end(): void
}

export function createClassicPulls({
  emit,
  endpoint,
  id,
}: {
  readonly emit: Emit
  readonly endpoint: string
  /** Tells the layers of one build from those of another. */
  readonly id: string
}): ClassicPulls {
  const open = new Set<string>()

  function tell(layer: string, state: { readonly current: number; readonly total?: number; readonly done?: boolean }) {
    emit({ type: 'transfer', id: `${id} ${layer}`, name: `${endpoint} pulling ${layer}`, ...state, at: Date.now() })
  }

  return {
    take({ id: layer, status, progressDetail }) {
      if (typeof layer !== 'string' || !/^[0-9a-f]{12}$/.test(layer)) return
      const { current, total } = progressDetail ?? {}
      const known = {
        current: typeof current === 'number' ? current : 0,
        ...(typeof total === 'number' ? { total } : {}),
      }
      if (/^(Pull complete|Already exists|Download complete)$/.test(String(status))) {
        if (open.delete(layer)) tell(layer, { ...known, done: true })
      } else if (status === 'Downloading' && typeof current === 'number') {
        open.add(layer)
        tell(layer, known)
      }
    },
    end() {
      for (const layer of open) tell(layer, { current: 0, done: true })
    },
  }
}
