import type { Caches, openCaches } from '../cache/caches.ts'
import type { CompleteOptions } from '../config/options.ts'
import type { BuildInputs } from '../content/build-inputs.ts'
import type { Driver } from '../driver/driver.ts'
import { openEmbedded, type EmbeddedEngine } from '../driver/embedded/open.ts'
import type { TargetBuild } from '../driver/target.ts'
import type { SolvedStep } from '../engine/solved.ts'
import type { StepImports } from '../engine/step-cache.ts'
import { once } from '../host/once.ts'
import { sameTarget, targetOfJob, type TargetId } from '../plan/target-id.ts'
import { distinctPlatforms, samePlatform } from '../platform.ts'
import type { Settled } from '../run/outcome.ts'
import { readsOnce } from './imported-caches.ts'
import type { Session } from './open.ts'
import { plannedOf, type Prepared } from './plan.ts'
import type { PushChecks } from './push-checks.ts'
import { check } from './requests.ts'
import type { SessionEdges } from './secrecy.ts'
import type { SessionRequest } from './types.ts'

/** The engine of this machine, opened at first use, and the caches of other machines that it reads and writes. */
export interface Here {
  driver(): Promise<Driver>
  /** See `Drivers`. */
  baseOf: EmbeddedEngine['baseOf']
  save(request: SessionRequest, settled: Settled): Promise<void>
}

interface HereEdges extends Pick<SessionEdges, 'emit' | 'signal' | 'env'>, Partial<Pick<PushChecks, 'beforeWork'>> {
  /** Those that are planned for this machine, and any other whose job moves here. */
  readonly targets: readonly TargetBuild[]
  readonly targetOf: (target: TargetId) => TargetBuild
  /** Secrets and agents of an image. */
  readonly inputsOf: (image: string | undefined) => BuildInputs
}

export function engineHere(
  { store, services, registry, options, requests, importedCaches }: Session,
  { local, plan }: Prepared,
  { emit, signal, env, beforeWork, targets, targetOf, inputsOf }: HereEdges,
): Here {
  const caches = new Map<string | undefined, Caches>()
  let engine: EmbeddedEngine | undefined
  const open = once(async () => {
    await openAllCaches()
    const imports = [...caches.values()].map((one) => one.imports)
    importedCaches.push(...imports)
    return (engine = await openEmbedded({
      options,
      targets,
      more: targetOf,
      services,
      registry,
      inputsOf,
      emit,
      signal,
      isNative: (platform) => local!.native.some((native) => samePlatform(native, platform)),
      check: (diagnostics) => check(diagnostics, emit),
      keepGoing: plan.images !== undefined,
      ...(beforeWork ? { beforeWork } : {}),
      ...(imports.length > 0 ? { imports: firstOf(imports) } : {}),
      configExtraOf: (image) => caches.get(image)?.configExtra,
    }))
  })

  return {
    driver: async () => (await open()).driver,
    baseOf: (target, stage) => engine?.baseOf(target, stage),
    async save({ image }, { built }) {
      await engine?.save()
      const own = caches.get(image)
      if (!engine || !own) return
      const { solver } = engine
      const isBuilt = (target: TargetId) => built.some(({ job }) => sameTarget(targetOfJob(job), target))
      const isOwn = ({ vertex }: SolvedStep) => image === undefined || vertex.shown.images.has(image)
      await own.save({
        workers: services.workers,
        layers: services.layers,
        solver: { ...solver, steps: () => solver.steps().filter(isOwn) },
        lowered: engine.lowered().filter(isBuilt),
        signal,
      })
    },
  }

  async function openAllCaches(): Promise<void> {
    const cacheServices: NonNullable<CacheEdges['services']> = new Map()
    for (const { image, options: own } of requests) {
      const found = await openCachesOf(own, {
        ...{ registry, cwd: own.cwd, env, emit, store },
        platforms: distinctPlatforms([
          ...plannedOf(plan, image).platforms,
          ...(own.pinned ? [own.pinned.platform] : []),
        ]),
        services: cacheServices,
        eager: readsOnce(requests),
      })
      if (found) caches.set(image, found)
    }
  }
}

type CacheEdges = Parameters<typeof openCaches>[1]

/** Caches of other machines: code that most builds never load. */
async function openCachesOf(options: CompleteOptions, edges: CacheEdges): Promise<Caches | undefined> {
  if (options.cacheFrom.length + options.cacheTo.length === 0) return undefined
  return (await import('../cache/caches.ts')).openCaches(options, edges)
}

/** The first cache that knows a step. */
function firstOf(imports: readonly StepImports[]): StepImports {
  return {
    async find(key, signal) {
      for (const one of imports) {
        const found = await one.find(key, signal)
        if (found) return found
      }
      return undefined
    },
  }
}
