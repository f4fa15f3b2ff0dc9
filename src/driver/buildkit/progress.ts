import { compact } from '../../compact.ts'
import { programFailure } from '../../emulation/program-failure.ts'
import { StringDecoder } from 'node:string_decoder'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { createLines, type CutLine, type Lines } from '../../content/lines.ts'
import { XbuildError } from '../../errors.ts'
import type { BuildEvent, Emit } from '../../events.ts'
import { commandOf, exitCodeOf } from './failure.ts'
import { withoutPacks } from './packs/step-name.ts'
import type { StatusResponse, Vertex, VertexWarning } from './gen/control_pb.ts'

/** What a daemon tells of the steps of all jobs it has, as events. A step that several jobs share is told once. */
export interface Progress {
  /** Follows one build. */
  follow(options: {
    readonly emit: Emit
    readonly platform: string
    readonly dockerfile: string
    readonly emulated: boolean
    /** Where long lines may be cut. */
    readonly cut?: CutLine | undefined
  }): BuildProgress
}

export interface BuildProgress {
  take(status: StatusResponse): void
  /** The step that failed, when one did, what the daemon said of it, and its last lines. */
  failed(): { readonly name: string; readonly error: string; readonly output: readonly string[] } | undefined
  /** Why the result must not be used, though the daemon makes one. */
  refused(): XbuildError | undefined
  /** Contexts of packs that were mounted into steps which really ran. */
  packs(): ReadonlySet<string>
  /** Images that were started or copied from, as the daemon resolved them: digests by normalized reference. */
  bases(): Readonly<Record<string, string>>
  /** No more will come: steps that are still open were stopped. */
  end(): void
}

interface Step {
  /** The build that tells of it. */
  readonly owner: object
  state: 'open' | 'ended'
  /** Its end was told by the daemon, but not here yet. */
  ending?: { readonly timer: NodeJS.Timeout; readonly emit: () => void }
  /** What came without a line's end, by stream. */
  readonly rest: Map<bigint, OpenLines>
  readonly last: string[]
  /** When the daemon told of the last lines. */
  saidAt: number
}

/** The beginning of a line, and maybe of a character. */
interface OpenLines {
  readonly lines: Lines
  readonly decoder: StringDecoder
}

/** Milliseconds: BuildKit ends a step when it knows what the step is, and opens it again to do it. */
const MAY_REOPEN = 150
const KEPT_LINES = 50
/** More than any build has; a node that goes on and on is not told of any further. */
const MOST = { names: 100_000, steps: 20_000, transfers: 20_000, warnings: 1_000 }

/**
 * A step that gives out an image is called after it and nothing else; the text of a RUN may end in what looks alike.
 */
const RESOLVED = /^(?:\[[^\]]*\] )?(?:FROM )?(?:docker-image:\/\/)?([^\s/]\S*)@(sha256:[0-9a-f]{64})$/

export function createProgress(): Progress {
  const steps = new Map<string, Step>()
  return {
    follow({ emit, platform, dockerfile, emulated, cut }) {
      const owner = {}
      const packs = new Set<string>()
      const bases: Record<string, string> = {}
      let failed: Vertex | undefined
      let refused: XbuildError | undefined
      const told = { names: 0, steps: 0, transfers: new Set<string>(), warnings: 0 }

      function stepOf(digest: string): Step | undefined {
        const step = steps.get(digest)
        return step?.owner === owner && step.state === 'open' ? step : undefined
      }

      function vertex(reported: Vertex): void {
        if (++told.names > MOST.names && reported.error === '') return
        const { name, context } = withoutPacks(reported.name)
        const found = { ...reported, name }
        if (context !== undefined && found.completed && !found.cached && found.error === '') packs.add(context)
        const base = RESOLVED.exec(found.name)
        if (base) bases[base[1]!] = base[2]!
        if (!found.started || isQuiet(found.name)) return
        if (found.error !== '' && !/context canceled/.test(found.error)) failed = found
        let step = steps.get(found.digest)
        if (step?.ending && !found.completed) {
          clearTimeout(step.ending.timer)
          delete step.ending
        } else if (!step || (step.state === 'ended' && !found.completed)) {
          if (++told.steps > MOST.steps) return
          step = { owner, state: 'open', rest: new Map(), last: [], saidAt: 0 }
          steps.set(found.digest, step)
          emit({
            type: 'step.start',
            step: found.digest,
            name: withPlatform(found.name, platform),
            platforms: [platform],
            at: at(found.started),
          })
        }
        if (step.owner !== owner || step.state === 'ended' || !found.completed) return
        clearTimeout(step.ending?.timer)
        const finish = () => ended(found, step)
        step.ending = { timer: setTimeout(finish, MAY_REOPEN), emit: finish }
        if (found.error !== '') finish()
      }

      function ended(found: Vertex, step: Step): void {
        clearTimeout(step.ending?.timer)
        flush(step)
        step.state = 'ended'
        delete step.ending
        const common = { step: found.digest, at: at(found.completed) }
        if (found.error === '') emit({ ...common, type: 'step.done', cached: found.cached })
        else emit({ ...common, type: 'step.fail', error: stepFailure(found.error, step.last, emulated) })
      }

      function log(digest: string, stream: bigint, bytes: Uint8Array, time: number): void {
        const step = stepOf(digest)
        if (!step) return
        const open = step.rest.get(stream) ?? opened(digest, step, stream)
        step.rest.set(stream, open)
        step.saidAt = time
        open.lines.push(open.decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)))
      }

      function opened(digest: string, step: Step, stream: bigint): OpenLines {
        const lines = createLines((text) => say(digest, step, stream, text), cut)
        return { lines, decoder: new StringDecoder('utf8') }
      }

      function say(digest: string, step: Step, stream: bigint, line: string): void {
        step.last.push(line)
        if (step.last.length > KEPT_LINES) step.last.shift()
        emit({ type: 'step.log', step: digest, stream: stream === 2n ? 'stderr' : 'stdout', line, at: step.saidAt })
      }

      function flush(step: Step): void {
        if (step.rest.size > 0) step.saidAt = Date.now()
        for (const { lines } of step.rest.values()) lines.end()
        step.rest.clear()
      }

      return {
        take({ vertexes, statuses, logs, warnings }) {
          // Lines of a step come before its end, whatever order they are listed in
          for (const found of vertexes) if (!found.completed) vertex(found)
          for (const { vertex: digest, stream, msg, timestamp } of logs) log(digest, stream, msg, at(timestamp))
          for (const { vertex: digest, ID: name, current, total, completed, timestamp } of statuses) {
            if (!stepOf(digest) || (total === 0n && current === 0n)) continue
            const id = `${digest} ${name}`
            if (!told.transfers.has(id) && told.transfers.size >= MOST.transfers) continue
            told.transfers.add(id)
            emit({
              type: 'transfer',
              id,
              name: shownTransfer(name),
              current: Number(current),
              ...(total > 0n ? { total: Number(total) } : {}),
              ...(completed ? { done: true } : {}),
              at: at(timestamp),
            })
          }
          for (const found of vertexes) if (found.completed) vertex(found)
          for (const warning of warnings) {
            const read = readWarning(warning, dockerfile)
            if (read instanceof XbuildError) refused = read
            else if (read && ++told.warnings <= MOST.warnings) emit(read)
          }
        },
        refused: () => refused,
        packs: () => packs,
        bases: () => bases,
        failed: () =>
          failed && { name: failed.name, error: failed.error, output: [...(steps.get(failed.digest)?.last ?? [])] },
        end() {
          for (const [digest, step] of steps) {
            if (step.owner !== owner || step.state === 'ended') continue
            if (step.ending) {
              step.ending.emit()
              continue
            }
            flush(step)
            emit({
              type: 'step.fail',
              step: digest,
              error: new XbuildError('CANCELED', 'Step stopped'),
              at: Date.now(),
            })
            // Another job may still be at it, and tells from now on
            steps.delete(digest)
          }
        },
      }
    },
  }
}

/** BuildKit names a platform only where several are built at once. */
function withPlatform(name: string, platform: string): string {
  return /^\[(?=[^\]]*\d+\/\d+\])(?![a-z]+\/\S+ )/.test(name) ? name.replace('[', `[${platform} `) : name
}

/** `transferring context:`, `sha256:...`, `extracting sha256:...` as people read them. */
function shownTransfer(name: string): string {
  return name
    .replace(/:$/, '')
    .replace(/^sha256:/, 'layer sha256:')
    .replace(/sha256:([0-9a-f]{12})[0-9a-f]+/, '$1')
}

/** Steps that are no news to anybody. */
function isQuiet(name: string): boolean {
  return /^\[internal\] (load (remote )?build (definition|context metadata)|load \.dockerignore|booting)/.test(name)
}

/**
 * The checks of Dockerfiles are made by xbuild itself, before anything is sent. One of them BuildKit alone can make:
 * it throws NO_PLATFORM.
 */
function readWarning(
  { short, detail, url, ranges }: VertexWarning,
  dockerfile: string,
): BuildEvent | XbuildError | undefined {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
  const line = ranges[0]?.start?.line ?? 0
  const source = line < 1 ? undefined : { file: dockerfile, line }
  const rule = /^([A-Z]\w+): (.*?)(?: \(line \d+\))?$/s.exec(text(short))
  if (rule?.[1] === 'InvalidBaseImagePlatform') {
    return new XbuildError('NO_PLATFORM', `Cannot use the base image: ${rule[2]}`, {
      at: source,
      hint: 'Take another base image, or build only for platforms that it has',
    })
  }
  if (rule && url.includes('/rule/')) return undefined
  return {
    type: 'warning',
    message: [text(short), ...detail.map(text)].join(': '),
    ...compact({ source }),
    at: Date.now(),
  }
}

function stepFailure(message: string, output: readonly string[], emulated: boolean): XbuildError {
  if (/context canceled/.test(message)) return new XbuildError('CANCELED', 'Step stopped')
  const status = exitCodeOf({ message })
  if (status === undefined) return new XbuildError('UNSUPPORTED', message.slice(0, 1000))
  return programFailure(commandOf(message), { status, output, emulated })
}

function at(time: Timestamp | undefined): number {
  return time ? Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6) : Date.now()
}
