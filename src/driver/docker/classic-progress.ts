import { createLines, type CutLine } from '../../content/lines.ts'
import type { XbuildError } from '../../errors.ts'
import { classicFailure } from './classic-failure.ts'
import type { ClassicMessage } from './classic-message.ts'
import { createClassicPulls } from './classic-pulls.ts'
import { createClassicSteps, type ClassicStepsOptions } from './classic-steps.ts'

/** What a classic builder prints, as events; and what it came to. */
export interface ClassicProgress {
  /** Takes one object of its stream. */
  take(message: object): void
  /**
   * Tells that the step that is open has ended: well, or with an error that is given back with its place in the
   * Dockerfile.
   */
  end(failure?: unknown): XbuildError | undefined
  /** Id of the image that was built. */
  readonly image: () => string | undefined
  /** The same, when the builder said it in a field of its own. */
  readonly named: () => string | undefined
}

export interface ClassicProgressOptions extends ClassicStepsOptions {
  readonly endpoint: string
  /** Whether steps run under an emulator. */
  readonly emulated: boolean
  /** Where long lines may be cut. */
  readonly cut?: CutLine | undefined
}

const STEP = /^(?:\[\d+\/\d+\] )?STEP (\d+)\/\d+ ?: (.*)$/is
/** What the builder says of itself, between the output of programs. */
const NOISE =
  /^( ?--->? ?(Running in )?[0-9a-f]*|Removing intermediate container [0-9a-f]+|--> ?(Pushing cache .*)?[0-9a-f]*|(\[\d+\/\d+\] )?COMMIT .*|Successfully (built|tagged) .*|[0-9a-f]{64}|\[Warning\] one or more build args .*| ---> \[Warning\] The requested image's platform .*)$/i

export function createClassicProgress(options: ClassicProgressOptions): ClassicProgress {
  const { endpoint, emulated, cut } = options
  const steps = createClassicSteps(options)
  const pulls = createClassicPulls(options)
  const lines = createLines((text) => takeLine(text), cut)
  let image: string | undefined
  let named: string | undefined
  let failed: XbuildError | undefined
  let stream: 'stdout' | 'stderr' = 'stdout'

  function takeOutput(text: string): void {
    // The classic builder paints what a program wrote to stderr
    stream = text.includes('\u001b[91m') ? 'stderr' : 'stdout'
    lines.push(text.replaceAll(/\u001b\[(91|0)m/g, ''))
    stream = 'stdout'
  }

  function takeLine(text: string): void {
    const step = STEP.exec(text)
    if (step) return steps.start(Number(step[1]), step[2]!)
    if (/^ ?-{2,3}> Using cache/.test(text)) return steps.markCached()
    const built = /^Successfully built ([0-9a-f]{12,64})$/.exec(text) ?? /^([0-9a-f]{64})$/.exec(text)
    if (built) image ??= built[1]
    if (text !== '' && !NOISE.test(text)) steps.log(text, stream)
  }

  return {
    image: () => image,
    named: () => named,
    take(message) {
      const { stream: output, aux, status, error, errorDetail } = message as ClassicMessage
      if (typeof output === 'string') takeOutput(output)
      if (typeof aux?.ID === 'string') named = image = aux.ID
      if (typeof status === 'string') pulls.take(message)
      if (typeof error !== 'string' && !errorDetail) return
      lines.end()
      const said = typeof errorDetail?.message === 'string' ? errorDetail.message : String(error)
      failed ??= classicFailure(said, { endpoint, emulated, ...steps.facts() })
    },
    end(failure) {
      steps.rewind() // it may be done once more
      const { at: _, ...facts } = steps.facts()
      const error =
        failed ?? (failure === undefined ? undefined : classicFailure(failure, { endpoint, emulated, ...facts }))
      lines.end()
      steps.finish(error)
      pulls.end()
      return error
    },
  }
}
