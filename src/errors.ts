import { ERROR_CODES, type CodeMeaning, type ErrorCode } from './error-codes.ts'

export type { ErrorCode }

/** A place in a text file; lines count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  /** Counts from 1, where it is known. */
  readonly column?: number
  readonly endLine?: number
}

/** What code needs to know of an error: it never reads the message. All optional. */
export interface ErrorFacts {
  /** What the action failed on, and why: the quoted part and the last part of the message. */
  readonly subject?: string
  readonly state?: string
  /** The platforms that an image has, where it lacks the one that was asked for. */
  readonly platforms?: readonly string[]
  /** The exit code of a program that failed. */
  readonly exitCode?: number
  /** The status of an HTTP answer. */
  readonly httpStatus?: number
  /** What is not installed on this machine. */
  readonly missing?: 'program' | 'runtime'
  /** A program printed, took or lasted more than it may. */
  readonly limit?: 'output' | 'memory' | 'time'
  /** A word of a Dockerfile is wrong whatever its variables are. */
  readonly malformedWord?: boolean
  /** An engine has used, or made, an image of another platform than it was told. */
  readonly otherPlatform?: boolean
}

/** What became of a tag that was to be moved. */
export interface TagState {
  /** The full reference. */
  readonly ref: string
  readonly state: 'moved' | 'not moved' | 'not known'
  /** What it names now; absent: nothing, or it cannot be read. */
  readonly digest?: string
}

/** Extra facts of an error, all optional. */
export interface ErrorDetails {
  /** The way out, one sentence in the imperative. */
  readonly hint?: string | undefined
  /** Where in the user's file. */
  readonly at?: SourcePosition | undefined
  /** The last lines a failed program printed. */
  readonly output?: readonly string[] | undefined
  /** The tags that were to be moved, and what became of each. */
  readonly tags?: readonly TagState[] | undefined
  readonly facts?: ErrorFacts | undefined
  readonly cause?: unknown
}

/** The only error class of xbuild: "Cannot <action> <quoted value>: <state>", no full stop. */
export class XbuildError extends Error {
  readonly code: ErrorCode
  readonly hint?: string
  readonly at?: SourcePosition
  readonly output?: readonly string[]
  readonly tags?: readonly TagState[]
  declare readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'XbuildError'
    this.code = code
    if (details.hint) this.hint = details.hint
    if (details.at !== undefined) this.at = details.at
    if (details.output !== undefined) this.output = details.output
    if (details.tags !== undefined) this.tags = details.tags
    // Not enumerable: it is for code, and whoever prints or compares an error means what people read
    Object.defineProperty(this, 'facts', { value: details.facts ?? {} })
  }

  /** The same error with other or more details; its cause stays, or is this error. */
  with({
    code = this.code,
    message = this.message,
    ...details
  }: ErrorDetails & { readonly code?: ErrorCode; readonly message?: string }): XbuildError {
    const { hint, at, output, tags } = this
    return new XbuildError(code, message, {
      cause: this.cause ?? this,
      ...definedOf({ hint, at, output, tags }),
      ...details,
      facts: { ...this.facts, ...details.facts },
    })
  }
}

function definedOf<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const defined = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(defined) as { [K in keyof T]: Exclude<T[K], undefined> }
}

/** A finding in a text: parsers collect these and go on. */
export interface Diagnostic {
  readonly rule: string
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly hint?: string | undefined
  readonly at: SourcePosition
}

/** Any thrown value as an `XbuildError`; foreign errors become INTERNAL with the original as cause. */
export function toXbuildError(value: unknown): XbuildError {
  if (value instanceof XbuildError) return value
  if (value instanceof Error) {
    const canceled = value.name === 'AbortError'
    const full = (value as NodeJS.ErrnoException).code === 'ENOSPC'
    if (full) {
      return new XbuildError('STORE', 'Cannot write: no space left on device', {
        cause: value,
        hint: 'Free space, or name another folder with XBUILD_HOME',
      })
    }
    return new XbuildError(canceled ? 'CANCELED' : 'INTERNAL', canceled ? 'Build canceled' : value.message, {
      cause: value,
    })
  }
  return new XbuildError('INTERNAL', String(value))
}

/** Exit code of the program for an error: 2 usage, 130 interrupted, 1 everything else. */
export function exitCodeOf(error: XbuildError): 1 | 2 | 130 {
  const { exitCode = 1 }: CodeMeaning = ERROR_CODES[error.code]
  return exitCode
}

/** For the end of a switch over a union: does not compile while a case is missing. */
export function assertNever(value: never): never {
  throw new XbuildError('INTERNAL', `Unexpected value ${JSON.stringify(value)}`)
}

/** A Dockerfile has errors: all that were found, in the order of the file. */
export class DockerfileError extends XbuildError {
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    const [first] = diagnostics
    const many = diagnostics.length > 1
    super('BAD_DOCKERFILE', first?.message ?? 'Cannot read the Dockerfile', {
      at: first?.at,
      hint: many ? `${diagnostics.length} problems were found` : first?.hint,
    })
    this.diagnostics = many ? diagnostics : []
  }
}
