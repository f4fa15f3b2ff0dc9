import type { Platform } from '../../platform.ts'
import type { Dockerfile } from '../types.ts'

/** What suggestions are made from. */
export interface SuggestInput {
  readonly dockerfile: Dockerfile
  /** The file itself: suggestions change its lines and nothing else. */
  readonly text: string
  /** What the image is to be built for: the names of other platforms are not spelled out. */
  readonly platforms: readonly Platform[]
  readonly buildPlatform: Platform
  readonly buildArgs: Readonly<Record<string, string>>
  /** Absent: the last stage. */
  readonly targetStage?: string
}

/** Ways to make a stage run on the build platform. */
export type SuggestionKind = 'go' | 'cargo' | 'zig' | 'cmake' | 'c' | 'neutral' | 'fetch'

/** What a change is expected to win, and on what that rests. */
export interface Win {
  /** How many times as fast, from and to; absent where no number is known. */
  readonly factor?: readonly [from: number, to: number]
  readonly text: string
  readonly basis: string
}

interface AdviceBase {
  readonly stage: string
  /** The line of its FROM. */
  readonly line: number
}

/** What there is to say about one stage. */
export type Advice = AdviceBase &
  (
    | {
        readonly status: 'suggested'
        readonly kind: SuggestionKind
        readonly summary: string
        readonly win: Win
        /** What only the author can know. */
        readonly left: readonly string[]
      }
    /** It runs on the build platform already. */
    | { readonly status: 'done'; readonly reason: string }
    | { readonly status: 'none'; readonly reason: string }
  )

/**
 * One line that is changed, or added where it has no `before`; `line` is its number in the file as it is, of an added
 * one that of the line below.
 */
export interface LineEdit {
  readonly file: string
  readonly line: number
  readonly before?: string
  readonly after: string
}

/** All that is suggested for a Dockerfile. */
export interface Suggestions {
  /** In the order of the file, every stage. */
  readonly stages: readonly Advice[]
  readonly edits: readonly LineEdit[]
  /** The whole file with the edits. */
  readonly text: string
  /** Unified; empty when nothing is changed. */
  readonly diff: string
}
