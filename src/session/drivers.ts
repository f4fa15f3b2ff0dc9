import type { BaseFacts } from '../dockerfile/checks/view.ts'
import type { GraphStage } from '../dockerfile/types.ts'
import { openBuildInputs, type BuildInputs } from '../content/build-inputs.ts'
import type { BuiltImage } from '../content/built-image.ts'
import type { Driver } from '../driver/driver.ts'
import type { TargetBuild } from '../driver/target.ts'
import { XbuildError } from '../errors.ts'
import { sameTarget, targetOfJob, type TargetId } from '../plan/target-id.ts'
import type { Job } from '../plan/types.ts'
import { samePlatform } from '../platform.ts'
import type { JobOutcome, Settled } from '../run/outcome.ts'
import { openElsewhere } from './elsewhere.ts'
import { engineHere } from './here.ts'
import type { Session } from './open.ts'
import type { Prepared } from './plan.ts'
import type { PushChecks } from './push-checks.ts'
import type { SessionEdges } from './secrecy.ts'
import type { SessionRequest } from './types.ts'

/** The drivers of a session, each opened when the plan, or a job that moves, needs it. */
export interface Drivers {
  driverFor(node: string): Driver
  /** The driver that built an image at a node, or could, for tests of it; undefined: the node is this machine. */
  testerAt(node: string, image: string | undefined): Promise<Driver> | undefined
  /** What is known of the image that a stage of a target starts from. */
  baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined
  /**
   * Keeps what was built elsewhere, also when an image as a whole has failed: the next run builds only what changed,
   * and the rest.
   */
  keep(outcomes: readonly JobOutcome[]): Promise<void>
  /** Writes the caches of an image. */
  save(request: SessionRequest, settled: Settled): Promise<void>
  /** Ends the drivers; writes what makes the next build faster. */
  close(): Promise<void>
}

/** Opens what the plan needs before anything starts. Throws with the place in the Dockerfile. */
export async function openDrivers(
  session: Session,
  prepared: Prepared,
  {
    emit,
    signal,
    env,
    secretEnv,
    secrecy,
    beforeWork,
  }: Pick<SessionEdges, 'emit' | 'signal' | 'env' | 'secretEnv' | 'secrecy'> & Partial<Pick<PushChecks, 'beforeWork'>>,
): Promise<Drivers> {
  const { options, requests } = session
  const { targets, support, nodes, local, plan } = prepared
  const inputs = await openAllInputs(requests, { env, secretEnv, hide: secrecy.hide })
  const edges = { emit, signal, env, inputsOf: inputs.of, targetOf }
  const ofHere = targets.filter(isPlannedHere)
  const here = engineHere(session, prepared, { ...edges, targets: ofHere, ...(beforeWork ? { beforeWork } : {}) })
  const elsewhere = nodes.length === 0 ? undefined : await openElsewhere(session, prepared, { ...edges, secrecy })
  if (ofHere.length > 0) {
    await here.driver().catch(async (error: unknown) => {
      await inputs.close()
      throw error
    })
  }

  return {
    driverFor: (name) => ({
      async build(job, jobOptions) {
        refusePlain(job)
        const kept = job.kind === 'image' && name !== local?.name ? await elsewhere!.takeUp(job, jobOptions) : undefined
        if (!kept && name !== local?.name) await beforeWork?.(new Set(job.image === undefined ? [] : [job.image]))
        return withFiles(job, kept ?? (await (await driverOf(name, job.image)).build(job, jobOptions)))
      },
      close: async () => undefined,
    }),
    testerAt: (name, image) => (nodes.some(({ node }) => node.name === name) ? driverOf(name, image) : undefined),
    baseOf: here.baseOf,
    keep: async (outcomes) => elsewhere?.keep(outcomes),
    save: here.save,
    async close() {
      await Promise.allSettled([inputs.close(), elsewhere?.close()])
    },
  }

  function isPlannedHere(target: TargetBuild): boolean {
    return plan.jobs.some(
      (job) =>
        job.kind === 'image' && job.decision.strategy.node === local?.name && sameTarget(targetOfJob(job), target),
    )
  }

  /** Twins that are required are not there where nobody hands packs over. Throws HOST. */
  function refusePlain({ decision: { strategy }, platform }: Job): void {
    if (strategy.kind !== 'emulate' || (options.accel !== 'require' && options.accel !== 'verify')) return
    const node = nodes.find((one) => one.node.name === strategy.node)?.node
    const hasTwins = node?.emulated.some(
      (entry) => entry.status === 'ready' && entry.toolchains && samePlatform(entry.platform, platform),
    )
    if (!node || hasTwins) return
    throw new XbuildError('HOST', `Cannot use native toolchains on ${node.name}: it was defined without packs`, {
      hint: 'Define it with packs: true, or build with --accel=auto',
    })
  }

  /** Files are wanted of every image when the result goes into a folder or a tar. */
  function withFiles(job: Job, image: BuiltImage): BuiltImage {
    const { outputs } = requestOf(job.image)
    if (image.exportTree || !outputs.outputs.some(({ type }) => type === 'local' || type === 'tar')) return image
    return elsewhere!.withFiles(image)
  }

  function driverOf(name: string, image: string | undefined): Promise<Driver> {
    if (name === local?.name) return here.driver()
    return elsewhere!.driverOf(nodes.find(({ node }) => node.name === name)!, requestOf(image))
  }

  function targetOf(wanted: TargetId): TargetBuild {
    return [...targets, ...support].find((target) => sameTarget(target, wanted))!
  }

  function requestOf(wanted: string | undefined): SessionRequest {
    return requests.find(({ image }) => image === wanted)!
  }
}

/** What every request may show to its steps. The only one that cannot be had is thrown; of several each fails alone. */
async function openAllInputs(
  requests: readonly SessionRequest[],
  from: Parameters<typeof openBuildInputs>[1],
): Promise<{ of(image: string | undefined): BuildInputs; close(): Promise<unknown> }> {
  const opened = await Promise.allSettled(requests.map(({ options }) => openBuildInputs(options, from)))
  const [only] = opened
  if (opened.length === 1 && only?.status === 'rejected') throw only.reason
  return {
    of(image) {
      const found = opened[requests.findIndex((request) => request.image === image)]!
      if (found.status === 'rejected') throw found.reason
      return found.value
    },
    close: () => Promise.allSettled(opened.map((one) => one.status === 'fulfilled' && one.value.close())),
  }
}
