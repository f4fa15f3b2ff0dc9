import { compact } from '../../compact.ts'
import { programFailure } from '../../emulation/program-failure.ts'
import { XbuildError, type ErrorCode, type SourcePosition } from '../../errors.ts'
import { parseDockerfile } from '../../dockerfile/parse.ts'
import type { RemoteDockerfile } from '../remote-build.ts'
import { GrpcFailure, GRPC, type GrpcDetail } from './grpc/status.ts'

/** What is known when something went wrong. */
export interface FailureFacts {
  readonly endpoint: string
  readonly signal: AbortSignal
  readonly dockerfile?: RemoteDockerfile
  /** Whether the steps ran under an emulator. */
  readonly emulated?: boolean
  /** The step that failed, what the daemon said of it, and its last lines. */
  readonly step?: { readonly name: string; readonly error: string; readonly output: readonly string[] }
}

/**
 * Anything thrown while speaking with a daemon as an `XbuildError`: NODE when the daemon is lost, else what the
 * daemon says, classified.
 */
export function failureOf(error: unknown, facts: FailureFacts): XbuildError {
  if (facts.signal.aborted) return new XbuildError('CANCELED', 'Build canceled', { cause: error })
  if (error instanceof XbuildError) return error
  if (!(error instanceof GrpcFailure)) return nodeFailure(facts, messageOf(error), error)
  if (facts.step && CANCELED.test(error.message))
    return buildFailure(
      new GrpcFailure(GRPC.unknown, facts.step.error, { cause: error, details: error.details }),
      facts,
    )
  if (error.code === GRPC.unavailable || error.code === GRPC.canceled) return nodeFailure(facts, error.message, error)
  if (error.code === GRPC.unimplemented)
    return new XbuildError('UNSUPPORTED', `Cannot build on "${facts.endpoint}": ${error.message}`, {
      cause: error,
      hint: 'This BuildKit is too old, or it is not BuildKit: update it',
    })
  return buildFailure(error, facts)
}

/** A daemon stops all other steps when one fails, and may give the end of another as the reason of the whole. */
const CANCELED = /context canceled$/

function nodeFailure({ endpoint }: FailureFacts, state: string, cause: unknown): XbuildError {
  return new XbuildError('NODE', `Cannot build on "${endpoint}": ${state}`, {
    cause,
    hint: 'Check that the engine runs, and see its log',
  })
}

/** What the texts of BuildKit begin to say once its chain of contexts is off; the first that fits counts. */
const KINDS: readonly (readonly [RegExp, ErrorCode, string?])[] = [
  [/no space left on device/i, 'NODE', 'Free space on that machine: docker buildx prune, or buildctl prune'],
  [/no active session|session .*not found|context canceled|transport is closing|connection reset/i, 'NODE'],
  [
    /dockerfile parse error|unknown instruction|target stage .* could not be found|circular dependency|failed to parse (stage name|platform)/i,
    'BAD_DOCKERFILE',
  ],
  [
    /no match for platform|does not match the specified platform/i,
    'NO_PLATFORM',
    'Take another base image, or build only for platforms that it has',
  ],
  [
    /authorization failed|pull access denied|insufficient_scope|401 Unauthorized|403 Forbidden|denied: requested access/i,
    'AUTH',
    'Check the name; if it is private, run docker login',
  ],
  [
    /failed to resolve source metadata|failed to do request|unexpected status|toomanyrequests|failed to copy: httpReadSeeker|manifest unknown|failed to push|server returned http/i,
    'REGISTRY',
  ],
  [/(secret|ssh).*(not found|no such)|requested experimental|entitlement|is not allowed/i, 'BAD_OPTION'],
  [
    /failed to calculate checksum|failed to compute cache key|failed to walk|lstat .*no such file|not found/i,
    'NOT_FOUND',
  ],
  [/exec format error/i, 'EMULATOR', 'The image is for another platform, and the machine has no QEMU for it'],
]

function buildFailure(error: GrpcFailure, facts: FailureFacts): XbuildError {
  const at = positionOf(error, facts)
  const common = { cause: error, ...compact({ at }) }
  const text = stateOf(error.message)
  const status = exitCodeOf(error)
  if (status !== undefined) {
    const output = facts.step?.output ?? []
    const command = commandOf(error.message)
    return programFailure(command, { status, output, emulated: facts.emulated === true }, common)
  }
  const frontend = facts.dockerfile?.frontend
  if (frontend && error.message.includes(frontend.image)) {
    const place = frontend.at ? { at: frontend.at } : {}
    const [, kind = 'UNSUPPORTED' as const] = KINDS.find(([pattern]) => pattern.test(error.message)) ?? []
    const code = /not found|manifest unknown/i.test(text) ? 'NOT_FOUND' : kind
    return new XbuildError(code, `Cannot use syntax "${frontend.image}" on "${facts.endpoint}": ${text}`, {
      cause: error,
      ...place,
      hint: 'That machine pulls the frontend as an image: check its name, and that the image is a frontend',
    })
  }
  const [, code, hint] = KINDS.find(([pattern]) => pattern.test(error.message)) ?? [undefined, 'UNSUPPORTED' as const]
  if (code === 'NODE')
    return new XbuildError('NODE', `Cannot build on "${facts.endpoint}": ${text}`, {
      ...common,
      ...compact({ hint }),
    })
  return new XbuildError(code, `Cannot build${at ? '' : ` on "${facts.endpoint}"`}: ${text}`, {
    ...common,
    ...compact({ hint }),
    ...(facts.step?.output.length ? { output: facts.step.output } : {}),
  })
}

/** Without what every message of the daemon begins with. */
function stateOf(message: string): string {
  return message
    .replace(
      /^(failed to solve(?: with frontend [^:]+)?: |rpc error: code = \w+ desc = |failed to create LLB definition: |frontend grpc server closed unexpectedly: )+/,
      '',
    )
    .trim()
    .slice(0, 1000)
}

/** The status with which the command of a RUN ended. */
export function exitCodeOf({
  message,
  details = [],
}: {
  readonly message: string
  readonly details?: readonly GrpcDetail[]
}): number | undefined {
  const exit = details.find(({ type }) => /ExitMessage$/.test(type))?.value as { Code?: unknown } | undefined
  if (typeof exit?.Code === 'number' && exit.Code > 0) return exit.Code
  const text =
    /(?:executor failed running .*|process ".*" did not complete successfully): (?:runc did not terminate successfully: )?exit (?:code|status): ?(\d+)/s.exec(
      message,
    )?.[1]
  return text === undefined ? undefined : Number(text)
}

/** The command as it was given to the shell. */
export function commandOf(message: string): string {
  const quoted = /process "((?:[^"\\]|\\.)*)" did not complete/s.exec(message)?.[1]?.replaceAll(/\\(["\\])/g, '$1')
  const listed = /executor failed running \[(.*)\]: /s.exec(message)?.[1]
  return (quoted ?? listed ?? 'a command').slice(0, 200)
}

/** Where in the Dockerfile: new daemons tell it; of old ones the line is in the message, or the step is looked up. */
function positionOf({ details, message }: GrpcFailure, { dockerfile, step }: FailureFacts): SourcePosition | undefined {
  if (!dockerfile) return undefined
  const file = dockerfile.shown
  const source = details.findLast(({ type }) => /errdefs\.Source$/.test(type))?.value as
    | { ranges?: { start?: { line?: unknown }; end?: { line?: unknown } }[] }
    | undefined
  const line =
    source?.ranges?.[0]?.start?.line ?? Number(/(?:parse error|Dockerfile) (?:on )?line (\d+)/.exec(message)?.[1] ?? 0)
  if (typeof line !== 'number' || line < 1) return step && lookUp(step.name, dockerfile)
  const last = source?.ranges?.at(-1)?.end?.line
  return { file, line, ...(typeof last === 'number' && last > line ? { endLine: last } : {}) }
}

/** The only instruction that reads like the name of a step. */
function lookUp(name: string, { text, shown }: RemoteDockerfile): SourcePosition | undefined {
  const plain = (words: string) => words.replaceAll(/\s+/g, ' ').trim()
  const wanted = plain(name.replace(/^\[[^\]]*\]/, ''))
  const all = parseDockerfile(text, { file: shown }).dockerfile.stages.flatMap(({ instructions }) => instructions)
  const found = all.filter((instruction) => plain(instruction.text) === wanted)
  return found.length === 1 ? found[0]!.at : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
