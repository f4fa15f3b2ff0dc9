import type { PublishOptions } from './publish-options.ts'
import { randomUUID } from 'node:crypto'
import { toXbuildError } from '../errors.ts'
import { formatPlatform } from '../platform.ts'

/** Runs one part of the work as a step that progress shows. */
export async function step<T>(options: PublishOptions, name: string, work: () => Promise<T>): Promise<T> {
  const { emit } = options
  const id = `publish ${randomUUID()}`
  const platforms = options.images.map(({ platform }) => formatPlatform(platform))
  emit({
    type: 'step.start',
    step: id,
    name,
    platforms,
    ...(options.image === undefined ? {} : { images: [options.image] }),
    at: Date.now(),
  })
  try {
    const made = await work()
    emit({ type: 'step.done', step: id, cached: false, at: Date.now() })
    return made
  } catch (error) {
    emit({ type: 'step.fail', step: id, error: toXbuildError(error), at: Date.now() })
    throw error
  }
}
