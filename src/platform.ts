import { XbuildError } from './errors.ts'

/** What a program runs on (image-spec image-index.md, `platform`); always normalised: see `normalizePlatform`. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly osVersion?: string
  readonly osFeatures?: readonly string[]
}
