import type { Platform } from '../../platform.ts'
import type { Draft } from './draft.ts'
import type { SuggestionKind, Win } from './types.ts'
import type { Unit, UnitCommand } from './unit.ts'

/** One way to make stages run on the build platform. */
export interface Detector {
  readonly kind: SuggestionKind
  /** Whether the command is what such stages are there for. */
  builds(command: UnitCommand, unit: Unit): boolean
  /** Whether a command beside that is fine as it is. */
  knows(command: UnitCommand, unit: Unit): boolean
  /** The change, or why there is none. */
  propose(unit: Unit, options: { readonly platforms: readonly Platform[] }): Proposal | string
}

/** A change that has not been made. */
export interface Proposal {
  readonly summary: string
  readonly win: Win
  readonly left: readonly string[]
  /** Whether what the stage makes is the same for all platforms. */
  readonly neutral?: true
  /** Whether something but FROM is changed for the results to be right. */
  readonly needed: boolean
  apply(draft: Draft): void
}

/** What the compiler's steps win. */
export const COMPILE: Win = {
  factor: [8, 16],
  text: 'its compile steps run natively: about 8 to 16 times as fast as under QEMU',
  basis:
    'an estimate, from C, C++ and Go builds that were measured both ways; where xbuild has native twins of the compiler (see xbuild plan), part of this is gained already',
}

/** What a step wins whose result all platforms have in common. */
export const ONCE: Win = {
  factor: [5, 20],
  text: 'it runs once, natively, for all platforms: each run under QEMU that it saves took about 5 to 20 times as long',
  basis: 'an estimate, from what others report of such builds with and without QEMU',
}
