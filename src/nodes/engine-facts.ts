import type { Platform } from '../platform.ts'

/** What an engine says of itself. */
export interface EngineFacts {
  readonly version: string
  readonly platform: Platform
  readonly containerdStore: boolean
  readonly identity: string
}

/** How long it is believed that a program ran. Milliseconds. */
export const BELIEF: number = 60 * 60 * 1000
