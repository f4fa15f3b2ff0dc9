import { createHash } from 'node:crypto'
import { compact } from '../../compact.ts'
import { createLines, type CutLine } from '../../content/lines.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import type { Dockerfile } from '../../dockerfile/types.ts'
import type { XbuildError, SourcePosition } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { classicFailure } from './classic-failure.ts'

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

export interface ClassicProgressOptions {
  readonly emit: Emit
  readonly platform: Platform
  readonly dockerfile: Dockerfile
  readonly endpoint: string
  /** Whether steps run under an emulator. */
  readonly emulated: boolean
  /** Tells the steps of one build from those of another. */
  readonly id: string
  /** Where long lines may be cut. */
  readonly cut?: CutLine | undefined
}

interface Written {
  readonly text: string
  readonly at: SourcePosition
  readonly stage: string
  readonly number: string
}

interface Open {
  readonly id: string
  readonly written?: Written
  readonly text: string
  cached: boolean
  readonly last: string[]
}

/** Objects of the stream; others may have written anything. */
interface Message {
  readonly stream?: unknown
  readonly status?: unknown
  readonly id?: unknown
  readonly progressDetail?: { readonly current?: unknown; readonly total?: unknown }
  readonly aux?: { readonly ID?: unknown }
  readonly error?: unknown
  readonly errorDetail?: { readonly code?: unknown; readonly message?: unknown }
}

const KEPT_LINES = 50
const STEP = /^(?:\[\d+\/\d+\] )?STEP (\d+)\/\d+ ?: (.*)$/is
/** What the builder says of itself, between the output of programs. */
const NOISE =
  /^( ?--->? ?(Running in )?[0-9a-f]*|Removing intermediate container [0-9a-f]+|--> ?(Pushing cache .*)?[0-9a-f]*|(\[\d+\/\d+\] )?COMMIT .*|Successfully (built|tagged) .*|[0-9a-f]{64}|\[Warning\] one or more build args .*| ---> \[Warning\] The requested image's platform .*)$/i

export function createClassicProgress({
  emit,
  platform,
  dockerfile,
  endpoint,
  emulated,
  id,
  cut,
}: ClassicProgressOptions): ClassicProgress {
  const written = instructionsOf(dockerfile)
  const shown = formatPlatform(platform)
  let position = 0
  let open: Open | undefined
  let image: string | undefined
  let named: string | undefined
  let failed: XbuildError | undefined
  let stream: 'stdout' | 'stderr' = 'stdout'
  const lines = createLines((text) => line(text), cut)
  const transfers = new Set<string>()

  function start(number: number, text: string): void {
    finish()
    const found = find(number, text)
    const step = `${id} ${createHash('sha256').update(`${number} ${position} ${text}`).digest('hex').slice(0, 12)}`
    open = { id: step, text, cached: false, last: [], ...compact({ written: found }) }
    const place = found ? [shown, found.stage, found.number].filter(Boolean).join(' ') : shown
    emit({
      type: 'step.start',
      step,
      name: `[${place}] ${text.replace(/\s+/g, ' ').slice(0, 200)}`,
      platforms: [shown],
      ...compact({ source: found?.at }),
      at: Date.now(),
    })
  }

  /** Docker counts every instruction, Podman those of a stage, and it leaves stages out: the text tells. */
  function find(number: number, text: string): Written | undefined {
    const index = written.findIndex((one, at) => at >= position && same(one.text, text))
    if (index === -1) return same(written[number - 1]?.text, text) ? written[number - 1] : undefined
    position = index + 1
    return written[index]
  }

  function finish(error?: XbuildError): void {
    lines.end()
    if (!open) return
    const { id: step, cached } = open
    if (error) emit({ type: 'step.fail', step, error, at: Date.now() })
    else emit({ type: 'step.done', step, cached, at: Date.now() })
    open = undefined
  }

  function output(text: string): void {
    // The classic builder paints what a program wrote to stderr
    stream = text.includes('\u001b[91m') ? 'stderr' : 'stdout'
    lines.push(text.replaceAll(/\u001b\[(91|0)m/g, ''))
    stream = 'stdout'
  }

  function line(text: string): void {
    const step = STEP.exec(text)
    if (step) return start(Number(step[1]), step[2]!)
    if (/^ ?-{2,3}> Using cache/.test(text)) {
      if (open) open.cached = true
      return
    }
    const built = /^Successfully built ([0-9a-f]{12,64})$/.exec(text) ?? /^([0-9a-f]{64})$/.exec(text)
    if (built) image ??= built[1]
    if (!open || text === '' || NOISE.test(text)) return
    open.last.push(text)
    if (open.last.length > KEPT_LINES) open.last.shift()
    emit({ type: 'step.log', step: open.id, stream, line: text, at: Date.now() })
  }

  function transfer({ id: layer, status, progressDetail }: Message): void {
    if (typeof layer !== 'string' || !/^[0-9a-f]{12}$/.test(layer)) return
    const done = /^(Pull complete|Already exists|Download complete)$/.test(String(status))
    const { current, total } = progressDetail ?? {}
    if (done && !transfers.has(layer)) return
    if (!done && !(String(status) === 'Downloading' && typeof current === 'number')) return
    if (done) transfers.delete(layer)
    else transfers.add(layer)
    emit({
      type: 'transfer',
      id: `${id} ${layer}`,
      name: `${endpoint} pulling ${layer}`,
      current: typeof current === 'number' ? current : 0,
      ...(typeof total === 'number' ? { total } : {}),
      ...(done ? { done: true } : {}),
      at: Date.now(),
    })
  }

  return {
    image: () => image,
    named: () => named,
    take(message) {
      const one = message as Message
      if (typeof one.stream === 'string') output(one.stream)
      if (typeof one.aux?.ID === 'string') named = image = one.aux.ID
      if (typeof one.status === 'string') transfer(one)
      if (typeof one.error === 'string' || one.errorDetail) {
        lines.end()
        const said = typeof one.errorDetail?.message === 'string' ? one.errorDetail.message : String(one.error)
        failed ??= classicFailure(said, {
          endpoint,
          emulated,
          output: open?.last ?? [],
          text: open?.text ?? '',
          ...compact({ at: open?.written?.at }),
        })
      }
    },
    end(failure) {
      position = 0 // it may be done once more
      const error =
        failed ??
        (failure === undefined
          ? undefined
          : classicFailure(failure, { endpoint, emulated, output: open?.last ?? [], text: open?.text ?? '' }))
      finish(error)
      for (const layer of transfers)
        emit({
          type: 'transfer',
          id: `${id} ${layer}`,
          name: `${endpoint} pulling ${layer}`,
          current: 0,
          done: true,
          at: Date.now(),
        })
      return error
    },
  }
}

function same(a: string | undefined, b: string): boolean {
  const plain = (text: string) =>
    text
      .replace(/--platform=\S+/i, '')
      .replaceAll(/[\s\\]+/g, ' ')
      .trim()
      .toLowerCase()
  return a !== undefined && plain(a) === plain(b)
}

function instructionsOf({ metaArgs, stages }: Dockerfile): Written[] {
  return [
    ...metaArgs.map(({ text, at }) => ({ text, at, stage: '', number: '' })),
    ...stages.flatMap(({ from, instructions, name, index }) => {
      const all = [from, ...instructions]
      const stage = name ?? (stages.length > 1 ? `stage-${index}` : '')
      return all.map(({ text, at }, n) => ({ text, at, stage, number: `${n + 1}/${all.length}` }))
    }),
  ]
}
