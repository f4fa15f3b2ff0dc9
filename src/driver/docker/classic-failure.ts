import { programFailure } from '../../emulation/program-failure.ts'
import { XbuildError, type ErrorCode, type SourcePosition } from '../../errors.ts'
import { engineFailure, otherPlatformIn } from './engine.ts'

export interface ClassicFailureFacts {
  readonly endpoint: string
  readonly emulated: boolean
  /** The last lines of the step that was running, and the step. */
  readonly output: readonly string[]
  readonly text: string
  readonly at?: SourcePosition
}

const KINDS: readonly (readonly [RegExp, ErrorCode, string?])[] = [
  // It takes what it commits on top of `FROM scratch` for an image of its own platform
  [
    /failed to get destination image .* does not match the specified platform/i,
    'UNSUPPORTED',
    'Build on a node with BuildKit: this builder mixes up platforms after FROM scratch',
  ],
  [/no space left on device/i, 'NODE', 'Free space on that machine: docker system prune'],
  [
    /dockerfile parse error|unknown instruction|failed to (parse|reach) (build )?(target )?stage|invalid reference format/i,
    'BAD_DOCKERFILE',
  ],
  [
    /no matching manifest|no match for platform|does not match the specified platform|no image found in (image index|manifest list)/i,
    'NO_PLATFORM',
    'Take another base image, or build only for platforms that it has',
  ],
  [
    /pull access denied|unauthorized|authentication required|denied: /i,
    'AUTH',
    'Check the name; if it is private, run docker login',
  ],
  [
    /manifest.*(unknown|not found)|connection refused|no such host|i\/o timeout|toomanyrequests|received unexpected HTTP status|initializing source|pinging container registry/i,
    'REGISTRY',
  ],
  [/exec format error/i, 'EMULATOR', 'The image is for another platform, and that machine has no QEMU for it'],
  [/(COPY|ADD) failed|no such file or directory|not found in build context|no source files|copier: stat/i, 'NOT_FOUND'],
]

/** What went wrong in a classic build: words of the builder, or what the connection to it threw. */
export function classicFailure(
  failure: unknown,
  { endpoint, emulated, output, text, at }: ClassicFailureFacts,
): XbuildError {
  if (typeof failure !== 'string') return engineFailure(endpoint, failure)
  const said = failure.trim()
  const place = at ? { at } : {}
  const status =
    /returned a non-zero code: (\d+)/.exec(said)?.[1] ?? /while running runtime: exit status (\d+)/.exec(said)?.[1]
  if (status !== undefined) {
    const command = text.replace(/^RUN\s+/i, '').slice(0, 200)
    if (/^exec .*exec format error$/.test(output.at(-1) ?? '')) {
      return new XbuildError(
        'EMULATOR',
        `Cannot run "${command}" on "${endpoint}": the program is for another CPU, and that machine has no emulator for it`,
        {
          ...place,
          output,
          hint: 'Install QEMU there, or build this platform on another node',
        },
      )
    }
    return programFailure(command, { status: Number(status), output, emulated }, place)
  }
  const [, code, hint] = KINDS.find(([pattern]) => pattern.test(said)) ?? [undefined, 'UNSUPPORTED' as const]
  return new XbuildError(code, `Cannot build on "${endpoint}": ${said.replace(/\.$/, '').slice(0, 1000)}`, {
    ...place,
    hint,
    facts: otherPlatformIn(said),
    ...(output.length > 0 ? { output } : {}),
  })
}
