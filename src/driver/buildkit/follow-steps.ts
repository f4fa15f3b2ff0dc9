import { programFailure } from '../../emulation/program-failure.ts'
import { XbuildError } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import type { CutLine } from '../../content/lines.ts'
import { commandOf, exitCodeOf } from './failure.ts'
import type { Vertex } from './gen/control_pb.ts'
import { createStepOutput, type StepOutput } from './step-output.ts'
import { timeOf } from './time-of.ts'

/** The steps of all builds of a daemon, by digest: what several of them share is told by one. */
export type StepTable = Map<string, Step>

interface Step {
  /** The build that tells of it. */
  readonly owner: object
  state: 'open' | 'ended'
  /** Its end was told by the daemon, but not here yet. */
  ending?: { readonly timer: NodeJS.Timeout; readonly emit: () => void }
  readonly output: StepOutput
}

/** The steps that one build tells of. */
export interface FollowedSteps {
  /** What the daemon says of a step that has started. */
  report(vertex: Vertex): void
  /** Something that the step has printed. */
  log(digest: string, said: { readonly stream: bigint; readonly bytes: Uint8Array; readonly at: number }): void
  isOpen(digest: string): boolean
  /** The last lines of a step, whoever tells of it. */
  lastLines(digest: string): readonly string[]
  /** No more will come: steps that are still open were stopped. */
  end(): void
}

export interface FollowOptions {
  readonly emit: Emit
  readonly platform: string
  readonly emulated: boolean
  /** Where long lines may be cut. */
  readonly cut?: CutLine | undefined
}

/** Milliseconds: BuildKit ends a step when it knows what the step is, and opens it again to do it. */
const MAY_REOPEN = 150
/** More than any build has; a node that goes on and on is not told of any further. */
const MOST_STEPS = 20_000

export function followSteps(table: StepTable, options: FollowOptions): FollowedSteps {
  const owner = {}
  let started = 0

  function openStep(digest: string): Step | undefined {
    const step = table.get(digest)
    return step?.owner === owner && step.state === 'open' ? step : undefined
  }

  /** The step, which is told of now or was before; nothing when there are too many. */
  function beginOrReopen(vertex: Vertex): Step | undefined {
    const known = table.get(vertex.digest)
    if (known?.ending && !vertex.completed) {
      clearTimeout(known.ending.timer)
      delete known.ending
      return known
    }
    if (known && (known.state === 'open' || vertex.completed)) return known
    if (++started > MOST_STEPS) return undefined
    const step = startStep(vertex, owner, options)
    table.set(vertex.digest, step)
    return step
  }

  return {
    report(vertex) {
      const step = beginOrReopen(vertex)
      if (!step || step.owner !== owner || step.state === 'ended' || !vertex.completed) return
      clearTimeout(step.ending?.timer)
      const finish = () => endStep(step, vertex, options)
      step.ending = { timer: setTimeout(finish, MAY_REOPEN), emit: finish }
      if (vertex.error !== '') finish()
    },
    log: (digest, { stream, bytes, at }) => openStep(digest)?.output.push(stream, bytes, at),
    isOpen: (digest) => openStep(digest) !== undefined,
    lastLines: (digest) => [...(table.get(digest)?.output.last ?? [])],
    end() {
      for (const [digest, step] of table) {
        if (step.owner !== owner || step.state === 'ended') continue
        if (step.ending) {
          step.ending.emit()
          continue
        }
        step.output.flush()
        options.emit({ type: 'step.fail', step: digest, error: stopped(), at: Date.now() })
        // Another job may still be at it, and tells from now on
        table.delete(digest)
      }
    },
  }
}

function startStep({ digest, name, started }: Vertex, owner: object, { emit, platform, cut }: FollowOptions): Step {
  emit({
    type: 'step.start',
    step: digest,
    name: withPlatform(name, platform),
    platforms: [platform],
    at: timeOf(started),
  })
  const output = createStepOutput((said) => emit({ type: 'step.log', step: digest, ...said }), cut)
  return { owner, state: 'open', output }
}

function endStep(step: Step, { digest, completed, cached, error }: Vertex, { emit, emulated }: FollowOptions): void {
  clearTimeout(step.ending?.timer)
  step.output.flush()
  step.state = 'ended'
  delete step.ending
  const common = { step: digest, at: timeOf(completed) }
  if (error === '') emit({ ...common, type: 'step.done', cached })
  else emit({ ...common, type: 'step.fail', error: stepFailure(error, step.output.last, emulated) })
}

/** BuildKit names a platform only where several are built at once. */
function withPlatform(name: string, platform: string): string {
  return /^\[(?=[^\]]*\d+\/\d+\])(?![a-z]+\/\S+ )/.test(name) ? name.replace('[', `[${platform} `) : name
}

function stepFailure(message: string, output: readonly string[], emulated: boolean): XbuildError {
  if (/context canceled/.test(message)) return stopped()
  const status = exitCodeOf({ message })
  if (status === undefined) return new XbuildError('UNSUPPORTED', message.slice(0, 1000))
  return programFailure(commandOf(message), { status, output, emulated })
}

function stopped(): XbuildError {
  return new XbuildError('CANCELED', 'Step stopped')
}
