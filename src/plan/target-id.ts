import { platformKey, samePlatform, type Platform } from '../platform.ts'
import type { Job } from './types.ts'

/** One image for one platform; `image` is the name of its request, absent where a session has only one. */
export interface TargetId {
  readonly image?: string | undefined
  readonly platform: Platform
}

/** Whether both mean the same image for the same platform. */
export function sameTarget(a: TargetId, b: TargetId): boolean {
  return a.image === b.image && samePlatform(a.platform, b.platform)
}

/** The target whose image a job builds, or the first of those that its stage serves. */
export function targetOfJob(job: Job): TargetId {
  return { image: job.image, platform: job.kind === 'image' ? job.target : job.targets[0]! }
}

/** A text that is equal for equal targets. */
export function targetKey({ image = '', platform }: TargetId): string {
  return JSON.stringify([image, platformKey(platform)])
}

/** How messages and ids call a target: `web linux/amd64`, or the platform alone. */
export function targetName({
  image,
  platform,
}: {
  readonly image?: string | undefined
  readonly platform: string
}): string {
  return image === undefined ? platform : `${image} ${platform}`
}
