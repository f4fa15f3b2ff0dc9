import type { BuildEdges } from './build.ts'
import type { Caches, openCaches } from './cache/caches.ts'
import type { BuildOptions } from './config/options.ts'
import type { BaseFacts } from './dockerfile/checks/view.ts'
import type { GraphStage } from './dockerfile/types.ts'
import { openBuildInputs } from './driver/embedded/build-inputs.ts'
import type { EmbeddedEngine } from './driver/embedded/open.ts'
import type { Driver } from './driver/driver.ts'
import type { TargetBuild } from './driver/target.ts'
import { samePlatform, type Platform } from './platform.ts'
import { check, type Prepared } from './prepare.ts'
import type { Settled } from './run/outcome.ts'
import type { Site } from './site.ts'

/** The drivers of a build, each opened when the plan, or a job that moves, needs it. */
export interface Engines {
  driverFor(node: string): Driver
  /** What is known of the image that a stage of a target starts from. */
  baseOf(target: TargetBuild, stage: GraphStage): BaseFacts | undefined
  /** An imported cache that turned out to be broken. */
  brokenCache(): Error | undefined
  /** Writes the caches, and what makes the next build faster. */
  save(settled: Settled): Promise<void>
}

export interface EngineEdges {
  readonly options: BuildOptions
  readonly edges: BuildEdges
  readonly site: Site
}

/** Opens what the plan needs before anything starts. Throws with the place in the Dockerfile. */
export async function openEngines({ targets, node, plan }: Prepared, { options, edges, site }: EngineEdges): Promise<Engines> {
  const { emit, signal, env } = edges
  const { store, ground, registry, main } = site
  let caches: Caches | undefined
  let embedded: EmbeddedEngine | undefined
  const inputs = await openBuildInputs(options, env)
  const local = once(async () => {
    const { openEmbedded } = await import('./driver/embedded/open.ts')
    caches = await openCachesOf(options, { registry, cwd: options.cwd, env, emit, store, platforms: plan.platforms })
    embedded = await openEmbedded({
      options, targets, more, ground, registry, main, inputs, emit, signal,
      isNative: (platform) => node.native.some((native) => samePlatform(native, platform)),
      check: (diagnostics) => check(diagnostics, emit),
      ...(caches ? { imports: caches.imports } : {}),
      ...(caches?.configExtra ? { configExtra: caches.configExtra } : {}),
    })
    return embedded
  })
  if (plan.jobs.some(({ decision }) => decision.strategy.node === node.name)) await local()

  return {
    driverFor: () => ({ build: async (job, jobOptions) => (await local()).driver.build(job, jobOptions), close: async () => undefined }),
    baseOf: (target, stage) => embedded?.baseOf(target, stage),
    brokenCache: () => caches?.imports.failure(),
    async save({ built }) {
      await embedded?.save()
      if (!embedded || !caches) return
      const { solver } = embedded
      const lowered = embedded.lowered().filter(({ platform }) => built.some(({ job }) => samePlatform(job.target, platform)))
      await caches.save({ workers: ground.workers, layers: ground.layers, solver, lowered, signal })
    },
  }

  function more(platform: Platform): TargetBuild {
    return targets.find((target) => samePlatform(target.platform, platform))!
  }
}

/** Caches of other machines: code that most builds never load. */
async function openCachesOf(options: BuildOptions, edges: Parameters<typeof openCaches>[1]): Promise<Caches | undefined> {
  if (options.cacheFrom.length + options.cacheTo.length === 0) return undefined
  return (await import('./cache/caches.ts')).openCaches(options, edges)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
