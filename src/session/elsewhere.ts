import type { BuildInputs } from '../content/build-inputs.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { Driver, DriverOptions } from '../driver/driver.ts'
import type { ImageWork } from '../driver/kept-images.ts'
import type { OpenedNode } from '../driver/opened-node.ts'
import type { TargetBuild } from '../driver/target.ts'
import { targetKey, targetName, targetOfJob, type TargetId } from '../plan/target-id.ts'
import type { ImageJob } from '../plan/types.ts'
import { formatPlatform } from '../platform.ts'
import { pushNames } from '../publish/output-names.ts'
import { isWhole, type JobOutcome } from '../run/outcome.ts'
import { graphWhere } from './graph-where.ts'
import type { Session } from './open.ts'
import type { Prepared } from './plan.ts'
import type { SessionEdges } from './secrecy.ts'
import type { SessionRequest } from './types.ts'

/** The drivers of other machines, and what they have built. */
export interface Elsewhere {
  /** There is one for each image: where a node pushes to is the image's. */
  driverOf(node: OpenedNode, request: SessionRequest): Promise<Driver>
  /** The image of an earlier run, when it would become the same again. */
  takeUp(job: ImageJob, options: DriverOptions): Promise<BuiltImage | undefined>
  /** See `Drivers`. */
  keep(outcomes: readonly JobOutcome[]): Promise<void>
  /** Engines elsewhere give images only: an image with its files, too. */
  withFiles(image: BuiltImage): BuiltImage
  close(): Promise<void>
}

interface ElsewhereEdges extends Pick<SessionEdges, 'emit' | 'signal' | 'env' | 'secrecy'> {
  readonly targetOf: (target: TargetId) => TargetBuild
  readonly inputsOf: (image: string | undefined) => BuildInputs
}

/** Loads what other machines need. */
export async function openElsewhere(
  session: Session,
  { targets, local }: Prepared,
  { emit, signal, env, secrecy, targetOf, inputsOf }: ElsewhereEdges,
): Promise<Elsewhere> {
  const { store, services, registry, options, warn } = session
  const { createRemoteBuilds, openKeptImages, pushedOrBrought, pushTargetFor, withTree } = await import(
    '../driver/other-machines.ts'
  )
  const keptImages = openKeptImages(session)
  const buildFor = createRemoteBuilds({
    targets,
    inputsOf,
    store,
    env,
    warn,
    hide: secrecy.hide,
    cut: secrecy.cut,
    graphFor: graphWhere,
  })
  const drivers = new Map<string, Promise<Driver>>()
  const works = new Map<string, ImageWork>()

  return {
    driverOf(opened, request) {
      const key = targetName({ image: request.image, platform: opened.node.name })
      const driver = drivers.get(key) ?? open(opened, request)
      drivers.set(key, driver)
      return driver
    },
    async takeUp(job, { signal, stages = [] }) {
      const work = { target: targetOf(targetOfJob(job)), build: await buildFor(job), stages }
      works.set(targetKey(work.target), work)
      const image = await keptImages.find(work, signal)
      if (!image?.earlier) return undefined
      tellUnchanged(job, image.earlier.node)
      return image
    },
    async keep(outcomes) {
      for (const outcome of outcomes) {
        if (outcome.status !== 'done') continue
        const { node } = outcome.job.decision.strategy
        const work = works.get(targetKey(targetOfJob(outcome.job)))
        const own = outcomes.filter(({ job }) => job.image === outcome.job.image)
        // What was built here is in the cache of steps
        if (work && node !== local?.name)
          await keptImages.keep(work, outcome.image, { node, rescue: !isWhole(own), signal })
      }
    },
    withFiles: (image) => withTree(image, services, options),
    async close() {
      await Promise.allSettled([...drivers.values()].map(async (driver) => (await driver).close()))
    },
  }

  async function open(opened: OpenedNode, { outputs, options: own }: SessionRequest): Promise<Driver> {
    const pushTo = pushTargetFor(opened, { ...outputs, tags: pushNames(outputs), options: own, registry, signal })
    if (!pushTo) return opened.driver(buildFor)
    const [pushing, bringing] = await Promise.all([opened.driver(buildFor, { pushTo }), opened.driver(buildFor)])
    return pushedOrBrought(pushing, bringing, { node: opened.node.name, repository: pushTo.repository, warn })
  }

  function tellUnchanged(job: ImageJob, node: string): void {
    const step = `finished ${job.id}`
    const platform = formatPlatform(job.target)
    emit({
      type: 'step.start',
      step,
      name: `[${platform}] nothing changed since ${node} built it`,
      platforms: [platform],
      ...(job.image === undefined ? {} : { images: [job.image] }),
      at: Date.now(),
    })
    emit({ type: 'step.done', step, cached: true, at: Date.now() })
  }
}
