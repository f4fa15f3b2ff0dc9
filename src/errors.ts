/** A place in a text file; lines count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  /** Counts from 1, where it is known. */
  readonly column?: number
  readonly endLine?: number
}

/** What went wrong, for machines. The first word of the name says who has to act. */
export type ErrorCode =
  | 'BAD_OPTION' // a flag, an option or a config file is wrong
  | 'BAD_PLATFORM'
  | 'BAD_REFERENCE'
  | 'BAD_DOCKERFILE' // syntax, unknown instruction, unknown stage, circular stages
  | 'UNSUPPORTED' // legal, but not executed by this version or this engine
  | 'NOT_FOUND' // a file, a folder, a stage, an image that should be there
  | 'OUTSIDE_CONTEXT' // a path that leaves its root
  | 'NO_NODE' // no strategy for a platform
  | 'NO_PLATFORM' // a base image without the platform
  | 'NODE' // a node refuses, is lost, or is out of disk: another one may do
  | 'TIMEOUT' // a job took longer than it was given
  | 'RUN_FAILED' // a RUN ended with a non-zero status
  | 'EMULATOR' // QEMU crashed
  | 'REGISTRY' // unreachable, 4xx/5xx, bad answer
  | 'AUTH' // registry refused the credentials
  | 'BAD_IMAGE' // a manifest, index or config that breaks the image-spec
  | 'DIGEST_MISMATCH' // bytes are not what their digest says
  | 'STORE' // the store on disk: full, corrupt, locked
  | 'HOST' // a program, kernel feature or right is missing on this machine
  | 'CONTEXT_CHANGED' // a file changed while it was read
  | 'CANCELED'
  | 'INTERNAL'

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
  if (error.code === 'CANCELED') return 130
  return error.code === 'BAD_OPTION' || error.code === 'BAD_PLATFORM' ? 2 : 1
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
