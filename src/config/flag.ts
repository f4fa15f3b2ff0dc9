import type { FlagInput } from './flag-values.ts'
import type { CompleteOptions } from './options.ts'
import type { ProjectRule } from './project.ts'

/** One flag: the parser, `--help` and xbuild.yaml all read this. */
export interface Flag<T> {
  /** Long name without dashes. */
  readonly name: string
  readonly short?: string
  /** Other long names that are read and not shown. */
  readonly aliases?: readonly string[]
  /** The value in help; absent: a switch. */
  readonly placeholder?: string
  /** Every use counts; otherwise the last one wins. */
  readonly repeat?: boolean
  readonly group: 'common' | 'advanced'
  readonly help: string
  /** It is read, and help does not show it. */
  readonly hidden?: boolean
  /** The default as help says it. */
  readonly default?: string
  /** Environment variable that stands in for the flag. */
  readonly env?: string
  /** Key in xbuild.yaml, where it has one. */
  readonly key?: string
  /** Values of xbuild.yaml stay and those of the command line are added, by name. */
  readonly merge?: boolean
  /** The value when nobody gave one. */
  readonly absent: T
  /** Reads all texts given, at least one. Throws BAD_OPTION or BAD_PLATFORM. */
  parse(texts: readonly string[], input: FlagInput): T
}

/** A flag of a build: files of the project may set it too, as far as its rule goes. */
export interface BuildFlag<T> extends Flag<T> {
  readonly project: ProjectRule
}

/** The flags that set some options of a build, by option. */
export type FlagsOf<K extends keyof CompleteOptions> = { readonly [O in K]: BuildFlag<CompleteOptions[O]> }
