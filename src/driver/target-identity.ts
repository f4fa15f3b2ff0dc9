import { platformKey } from '../platform.ts'
import { keyOf } from '../store/key.ts'
import type { TargetBuild } from './target.ts'

/** Which target of which build it is, whatever it is made of. */
export function identityOfTarget({ image, platform, options, file }: TargetBuild): string {
  return keyOf([
    options.cwd,
    options.context,
    file.shown,
    options.target ?? '',
    platformKey(platform),
    ...(image === undefined ? [] : [image]),
  ])
}
