import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import type { BuildEvent } from '../../events.ts'
import type { VertexWarning } from './gen/control_pb.ts'

/**
 * A warning of the daemon as an event; nothing for the checks of Dockerfiles, which xbuild makes itself before anything
 * is sent. One of them BuildKit alone can make: it gives NO_PLATFORM.
 */
export function readWarning(
  { short, detail, url, ranges }: VertexWarning,
  dockerfile: string,
): BuildEvent | XbuildError | undefined {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
  const line = ranges[0]?.start?.line ?? 0
  const source = line < 1 ? undefined : { file: dockerfile, line }
  const rule = /^([A-Z]\w+): (.*?)(?: \(line \d+\))?$/s.exec(text(short))
  if (rule?.[1] === 'InvalidBaseImagePlatform') {
    return new XbuildError('NO_PLATFORM', `Cannot use the base image: ${rule[2]}`, {
      at: source,
      hint: 'Take another base image, or build only for platforms that it has',
    })
  }
  if (rule && url.includes('/rule/')) return undefined
  return {
    type: 'warning',
    message: [text(short), ...detail.map(text)].join(': '),
    ...compact({ source }),
    at: Date.now(),
  }
}
