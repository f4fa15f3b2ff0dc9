import { PassThrough } from 'node:stream'
import type { PlatformImage } from '../../src/publish/image-set.ts'
import type { PublishOptions } from '../../src/publish/publish-options.ts'

/** Options of a publish that writes nothing and knows no registry, with what a test wants on top. */
export function publishOptions(images: readonly PlatformImage[], extra: Partial<PublishOptions> = {}): PublishOptions {
  return {
    images,
    outputs: [],
    tags: [],
    annotations: [],
    registry: async () => Promise.reject(new Error('no registry was asked for')),
    stdout: new PassThrough(),
    emit: () => {},
    signal: new AbortController().signal,
    ...extra,
  }
}
