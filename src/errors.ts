import { ERROR_CODES, type ErrorCode, type ErrorFacts } from './error-codes.ts'

export type { ErrorCode }

/** A place in a text file; lines count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  /** Counts from 1, where it is known. */
  readonly column?: number
  readonly endLine?: number
}

/** Extra facts of an error, all optional. */
export interface ErrorDetails {
  /** The way out, one sentence in the imperative. */
  readonly hint?: string
  /** Where in the user's file. */
  readonly at?: SourcePosition
  /** The last lines a failed program printed. */
  readonly output?: readonly string[]
  readonly cause?: unknown
}

/** The only error class of xbuild: "Cannot <action> <quoted value>: <state>", no full stop. */
export class XbuildError extends Error {
  readonly code: ErrorCode
  readonly hint?: string
  readonly at?: SourcePosition
  readonly output?: readonly string[]

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'XbuildError'
    this.code = code
    if (details.hint !== undefined) this.hint = details.hint
    if (details.at !== undefined) this.at = details.at
    if (details.output !== undefined) this.output = details.output
  }
}

/** A finding in a text: parsers collect these and go on. */
export interface Diagnostic {
  readonly rule: string
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly hint?: string
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
  const { exitCode = 1 }: ErrorFacts = ERROR_CODES[error.code]
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
    const rest =
      diagnostics.length > 1
        ? { hint: `${diagnostics.length} problems were found` }
        : first?.hint
          ? { hint: first.hint }
          : {}
    super('BAD_DOCKERFILE', first?.message ?? 'Cannot read the Dockerfile', {
      ...(first ? { at: first.at } : {}),
      ...rest,
    })
    this.diagnostics = diagnostics.length > 1 ? diagnostics : []
  }
}
