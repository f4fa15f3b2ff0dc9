import type { Descriptor } from '../oci/descriptor.ts'
import { INLINE_FIELD, makeInlineCache, type CachedStep } from './document.ts'

/**
 * The field of an image config that lets others take the steps of the image. With `sourceDateEpoch` (seconds) no time
 * in it is later.
 */
export function inlineCache(
  steps: readonly CachedStep[],
  layers: readonly Descriptor[],
  sourceDateEpoch?: number,
): Readonly<Record<string, unknown>> {
  const latest = sourceDateEpoch === undefined ? undefined : new Date(sourceDateEpoch * 1000).toISOString()
  const dated = steps.map((step) =>
    latest !== undefined && step.created > latest ? { ...step, created: latest } : step,
  )
  return {
    [INLINE_FIELD]: makeInlineCache(
      { stamp: sourceDateEpoch === undefined ? '' : String(sourceDateEpoch), steps: dated },
      layers,
    ),
  }
}
