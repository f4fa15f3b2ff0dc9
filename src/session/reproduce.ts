import { setTimeout as pause } from 'node:timers/promises'
import { compact } from '../compact.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { TargetBuild } from '../driver/target.ts'
import { XbuildError } from '../errors.ts'
import type { BuildEvent, Emit } from '../events.ts'
import { sameTarget, targetOfJob } from '../plan/target-id.ts'
import { formatPlatform } from '../platform.ts'
import { dispatch } from '../run/dispatch.ts'
import { isWhole, type JobOutcome, type Settled } from '../run/outcome.ts'
import { createListener } from '../run/watch.ts'
import type { Store } from '../store/store.ts'
import type { ImageDifference } from './image-difference.ts'
import { openDrivers } from './drivers.ts'
import type { Session } from './open.ts'
import { goingOf, type Prepared } from './plan.ts'
import type { Results } from './results.ts'
import type { SessionEdges } from './secrecy.ts'
import type { SessionRequest } from './types.ts'

/** What the second build is given beside the session. */
export interface AgainEdges extends SessionEdges {
  readonly prepared: Prepared
  readonly results: Results
  /** Of the first build. */
  readonly outcomes: readonly JobOutcome[]
}

/** What the comparison of both builds looks at. */
export interface CheckEdges {
  /** Outcomes of the second build, where there was one. */
  readonly again: readonly JobOutcome[] | undefined
  readonly targets: readonly TargetBuild[]
  readonly store: Store
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** So long after the first build the second begins: what has the time in it differs then, archives of zip, too. ms. */
const CLOCK_STEP = 2000

/**
 * Builds once more, with drivers of its own, the images whose platforms were all built; nothing unless the options ask
 * for it.
 */
export async function buildAgain(
  session: Session,
  { prepared, results, outcomes, ...edges }: AgainEdges,
): Promise<readonly JobOutcome[] | undefined> {
  const { options } = session
  const isBuilt = (image: string | undefined) =>
    results.isGoing(image) && isWhole(outcomes.filter(({ job }) => job.image === image))
  const plan = goingOf(prepared.plan, { isGoing: isBuilt })
  if (!options.checkReproducible || plan.jobs.length === 0) return undefined
  await pause(CLOCK_STEP, undefined, { signal: edges.signal }).catch(() => undefined)
  const listener = createListener((event) => edges.emit(ofSecond(event)))
  const drivers = session.own(await openDrivers(session, prepared, { ...edges, emit: listener.emit }))
  return dispatch(plan, {
    nodes: prepared.all,
    listener,
    driverFor: drivers.driverFor,
    ...{ silenceTimeout: options.silenceTimeout, jobs: options.jobs },
    signal: edges.signal,
  })
}

/** Steps of both builds are told apart. */
function ofSecond(event: BuildEvent): BuildEvent {
  if (event.type === 'step.start')
    return { ...event, step: `again ${event.step}`, name: event.name.replace(/^\[|^/, '[second build: ') }
  return 'step' in event ? { ...event, step: `again ${event.step}` } : event
}

/**
 * Compares the images of both builds; what differs is told as a warning for each layer, with its place in the
 * Dockerfile. Throws NOT_REPRODUCIBLE, and the error of a platform that could be built once only.
 */
export async function checkReproduced(
  { image, options }: SessionRequest,
  { built }: Settled,
  { again, targets, ...edges }: CheckEdges,
): Promise<void> {
  if (!again) return
  const differences: ImageDifference[] = []
  for (const { job, image: first } of built) {
    const platform = formatPlatform(job.target)
    const second = secondOf(job, again)
    if (second.descriptor.digest === first.descriptor.digest) {
      sayEqual(platform, job.image, first, edges.emit)
      continue
    }
    const { compareImages } = await import('./image-difference.ts')
    const target = targets.find((one) => sameTarget(one, targetOfJob(job)))
    differences.push(await compareImages({ platform, first, second, target }, edges))
  }
  const parts = differences.flatMap(({ platform, parts }) => parts.map((part) => ({ platform, ...part })))
  for (const { platform, what, lines, at } of parts)
    edges.emit({
      type: 'warning',
      message: `${image === undefined ? '' : `${image} `}${platform}: ${what} is not the same in both builds: ${lines.join('; ')}`,
      ...compact({ source: at }),
      at: Date.now(),
    })
  // Files tell more than what was made of them
  const first = parts.find(({ isTime }) => !isTime) ?? parts[0]
  if (!first) return
  const names = differences.map(({ platform }) => platform).join(', ')
  throw new XbuildError('NOT_REPRODUCIBLE', `Cannot reproduce "${names}": ${first.what} differs, ${first.lines[0]}`, {
    hint: hintOf(
      parts.every(({ isTime }) => isTime),
      options.sourceDateEpoch !== undefined,
    ),
    at: first.at,
  })
}

function secondOf(job: Settled['built'][number]['job'], again: readonly JobOutcome[]): BuiltImage {
  const found = again.find((one) => sameTarget(targetOfJob(one.job), targetOfJob(job)))
  if (found?.status === 'done') return found.image
  if (found?.status === 'failed' && found.error.code !== 'CANCELED')
    throw found.error.with({
      message: `Cannot build "${formatPlatform(job.target)}" a second time: ${found.error.message}`,
    })
  throw new XbuildError('CANCELED', 'Build canceled')
}

function sayEqual(platform: string, name: string | undefined, { descriptor }: BuiltImage, emit: Emit): void {
  const step = `reproduced ${name ?? ''} ${platform}`
  emit({
    type: 'step.start',
    step,
    name: `[${platform}] the same digest twice: ${descriptor.digest}`,
    platforms: [platform],
    ...(name === undefined ? {} : { images: [name] }),
    at: Date.now(),
  })
  emit({ type: 'step.done', step, cached: false, at: Date.now() })
}

function hintOf(isTime: boolean, hasEpoch: boolean): string {
  const content = 'Keep times, random names and changing downloads out of the files that the instruction writes'
  if (hasEpoch && isTime)
    return 'Nodes without BuildKit 0.13 and the containerd image store do not apply SOURCE_DATE_EPOCH to files: build on this machine'
  if (hasEpoch) return content
  const epoch = 'Set SOURCE_DATE_EPOCH: times of files and of the configuration are the same then'
  return isTime ? epoch : `${content}. ${epoch}`
}
