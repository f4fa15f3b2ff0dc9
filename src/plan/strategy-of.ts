import type { ImageJob, Strategy } from './types.ts'

/** How an image as a whole is built: its last stage may only copy from one that is emulated. */
export function strategyOf({ emulates, decision }: Pick<ImageJob, 'emulates' | 'decision'>): Strategy['kind'] {
  return emulates ? 'emulate' : decision.strategy.kind
}

/**
 * How it was built in the end. Only a step that runs shows which of its programs have native twins, and that need not
 * be in the last stage.
 */
export function strategyUsed(planned: Strategy['kind'], usedTwins: boolean): Strategy['kind'] {
  return usedTwins ? 'cross' : planned
}
