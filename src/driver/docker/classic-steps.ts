import { createHash } from 'node:crypto'
import { compact } from '../../compact.ts'
import type { Dockerfile } from '../../dockerfile/types.ts'
import type { SourcePosition, XbuildError } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import { createClassicInstructions, type WrittenInstruction } from './classic-instructions.ts'

/** The steps of a classic build, one after the other. */
export interface ClassicSteps {
  start(number: number, text: string): void
  /** The step that is open was known. */
  markCached(): void
  log(line: string, stream: 'stdout' | 'stderr'): void
  /** What a failure of the step that is open can say. */
  facts(): { readonly text: string; readonly output: readonly string[]; readonly at?: SourcePosition }
  /** Ends the step that is open, if one is. */
  finish(error?: XbuildError): void
  /** The build begins once more. */
  rewind(): void
}

export interface ClassicStepsOptions {
  readonly emit: Emit
  readonly platform: Platform
  readonly dockerfile: Dockerfile
  /** Tells the steps of one build from those of another. */
  readonly id: string
}

interface OpenStep {
  readonly id: string
  readonly text: string
  readonly written: WrittenInstruction | undefined
  cached: boolean
  readonly last: string[]
}

const KEPT_LINES = 50

export function createClassicSteps({ emit, platform, dockerfile, id }: ClassicStepsOptions): ClassicSteps {
  const instructions = createClassicInstructions(dockerfile)
  const shown = formatPlatform(platform)
  let open: OpenStep | undefined

  function finish(error?: XbuildError): void {
    if (!open) return
    const { id: step, cached } = open
    if (error) emit({ type: 'step.fail', step, error, at: Date.now() })
    else emit({ type: 'step.done', step, cached, at: Date.now() })
    open = undefined
  }

  return {
    finish,
    start(number, text) {
      finish()
      const written = instructions.find(number, text)
      const hash = createHash('sha256').update(`${number} ${instructions.position()} ${text}`)
      const step = `${id} ${hash.digest('hex').slice(0, 12)}`
      open = { id: step, text, cached: false, last: [], written }
      const place = written ? [shown, written.stage, written.number].filter(Boolean).join(' ') : shown
      emit({
        type: 'step.start',
        step,
        name: `[${place}] ${text.replace(/\s+/g, ' ').slice(0, 200)}`,
        platforms: [shown],
        ...compact({ source: written?.at }),
        at: Date.now(),
      })
    },
    markCached() {
      if (open) open.cached = true
    },
    log(line, stream) {
      if (!open) return
      open.last.push(line)
      if (open.last.length > KEPT_LINES) open.last.shift()
      emit({ type: 'step.log', step: open.id, stream, line, at: Date.now() })
    },
    facts: () => ({ text: open?.text ?? '', output: open?.last ?? [], ...compact({ at: open?.written?.at }) }),
    rewind: instructions.rewind,
  }
}
