import { XbuildError } from '../../errors.ts'

/** What one archive may have. */
export interface UnpackLimits {
  readonly entries: number
  readonly xattrBytes: number
  /** Of memory, for what waits until the end: folders, removed files, pipes, devices, files with attributes. */
  readonly keptBytes: number
}

/** Attributes are held in memory until the end. */
export const LIMITS: UnpackLimits = { entries: 10_000_000, xattrBytes: 64 << 20, keptBytes: 512 << 20 }

export function tooMuch(most: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot unpack an archive: it has more than ${most}`, {
    hint: 'The archive is damaged or malicious',
  })
}
