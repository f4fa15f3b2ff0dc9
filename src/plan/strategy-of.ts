import type { ImageJob, Strategy } from './types.ts'

/** How an image as a whole is built: its last stage may only copy from one that is emulated. */
export function strategyOf({ emulates, decision }: Pick<ImageJob, 'emulates' | 'decision'>): Strategy['kind'] {
  return emulates ? 'emulate' : decision.strategy.kind
}
