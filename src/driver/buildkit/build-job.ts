import type { MessageInitShape } from '@bufbuild/protobuf'
import { compact } from '../../compact.ts'
import type { BuiltImage } from '../../content/built-image.ts'
import type { Job } from '../../plan/types.ts'
import { formatPlatform, samePlatform, type Platform } from '../../platform.ts'
import type { DriverOptions } from '../driver.ts'
import type { RemoteBuild } from '../remote-build.ts'
import { entitlementsOf, frontendAttributes, targetOf } from './attributes.ts'
import { jobCaches, type JobCaches } from './caches.ts'
import type { BuildkitOptions, Daemon } from './daemon.ts'
import { exportTree } from './export-tree.ts'
import { checkAbilities } from './facts.ts'
import { failureOf } from './failure.ts'
import type { SolveRequestSchema } from './gen/control_pb.ts'
import type { Link } from './links.ts'
import { namedContextAttributes } from './named-contexts.ts'
import type { HandedOver } from './packs/hand-over.ts'
import type { BuildProgress } from './progress.ts'
import { checkPlatform } from './result.ts'
import { newId } from './session/session.ts'
import { solve } from './solve.ts'
import { exporterOf, takeResult } from './take-result.ts'

type SolveRequest = MessageInitShape<typeof SolveRequestSchema>

/** One build of a daemon: what was asked for, and how it is followed. */
interface Building {
  readonly daemon: Daemon
  readonly job: Job
  readonly remote: RemoteBuild
  readonly platform: Platform
  readonly stages: NonNullable<DriverOptions['stages']>
  readonly signal: AbortSignal
  readonly followed: BuildProgress
  readonly warn: (message: string) => void
}

/** Builds a job on a daemon. What goes wrong is thrown as `failureOf` classifies it. */
export async function buildJob(
  daemon: Daemon,
  job: Job,
  { signal, emit, stages = [] }: DriverOptions,
): Promise<BuiltImage> {
  const { links, facts, endpoint } = daemon
  const remote = await daemon.options.buildFor(job)
  const platform = targetOf(job)
  const emulated = job.decision.strategy.kind === 'emulate'
  const followed = daemon.progress.follow({
    ...{ emit, emulated, platform: formatPlatform(platform) },
    ...{ dockerfile: remote.dockerfile.shown, cut: remote.cut },
  })
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  let link: Link | undefined
  try {
    checkAbilities(remote.options, facts, endpoint)
    link = await links.to(remote, signal)
    return await buildOver(link, { daemon, job, remote, platform, stages, signal, followed, warn })
  } catch (error) {
    throw failureOf(link?.ownFailure(error) ?? error, {
      ...{ endpoint, signal, emulated, dockerfile: remote.dockerfile },
      ...compact({ step: followed.failed() }),
    })
  } finally {
    followed.end()
  }
}

async function buildOver(link: Link, building: Building): Promise<BuiltImage> {
  const { daemon, job, remote, platform, signal, followed, warn } = building
  const { client, session, inputs } = link
  const caches = await jobCaches({
    ...{ build: remote, facts: daemon.facts, platform, warn },
    ...{ stores: inputs.stores, env: daemon.env },
  })
  const name = `xbuild.invalid/result:${newId()}`
  const { request, handed } = await solveRequest(link, building, { caches, name })
  const answer = await solve({ client, session, request, onStatus: followed.take, signal })
  const refused = followed.refused()
  if (refused) throw refused
  await caches.finish(answer)
  const image = await takeResult(daemon, { answer, name, remote, platform, given: inputs.given, signal })
  checkPlatform(image.config, job.kind === 'image' ? job.target : job.platform, daemon.endpoint)
  const { transport } = daemon.options
  return {
    ...image,
    ...whatWentIn(link, building, handed),
    exportTree: ({ signal }) => exportTree({ transport, link, build: remote, request, signal }),
  }
}

/** What the daemon is asked to solve, and the packs that were handed over for it. */
async function solveRequest(
  { inputs }: Link,
  { daemon, job, remote, platform, stages, signal, warn }: Building,
  { caches, name }: { readonly caches: JobCaches; readonly name: string },
): Promise<{ readonly request: SolveRequest; readonly handed: HandedOver | undefined }> {
  const { options, facts } = daemon
  const named = await namedContextAttributes({
    ...{ build: remote, facts, platform },
    ...{ stages, signal, stores: inputs.stores },
  })
  const handed = await daemon.handOver?.to(remote, inputs, warn)
  const ownImages = options.transport.session !== undefined
  const request = {
    Frontend: remote.dockerfile.frontend ? 'gateway.v0' : 'dockerfile.v0',
    FrontendAttrs: {
      ...frontendAttributes(job, remote, { ownImages, ...overridden(options) }),
      ...named,
      ...handed?.attributes,
      ...(caches.imports.length > 0 ? { 'cache-imports': JSON.stringify(caches.imports) } : {}),
    },
    Cache: { Imports: [...caches.imports], Exports: [...caches.exports] },
    Entitlements: entitlementsOf(remote.options),
    ...exporterOf(daemon, remote, { name, warn }),
  } as SolveRequest
  return { request, handed }
}

/** What is known of the things that an image was made of: its bases, folders and native toolchains. */
function whatWentIn(
  { inputs }: Link,
  { daemon, remote, stages, followed }: Building,
  handed: HandedOver | undefined,
): Pick<BuiltImage, 'madeOf' | 'packs'> {
  const packs = [
    ...stages.flatMap((stage) => stage.image.packs ?? []),
    ...[...followed.packs()].flatMap((context) => handed?.packs.get(context) ?? []),
  ]
  // Another frontend may start from images that it does not tell of
  const isKnown = daemon.facts.givesOci && !remote.dockerfile.frontend
  return {
    ...(isKnown ? { madeOf: { bases: followed.bases(), folders: [...inputs.reads] } } : {}),
    ...(packs.length > 0 ? { packs } : {}),
  }
}

/** BUILDPLATFORM has to be told only where the daemon would say another. */
function overridden({ buildPlatform, facts }: BuildkitOptions): { buildPlatform?: Platform } {
  const [own] = facts.platforms
  return buildPlatform && !(own && samePlatform(own, buildPlatform)) ? { buildPlatform } : {}
}
