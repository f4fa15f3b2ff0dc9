import type { MessageInitShape } from '@bufbuild/protobuf'
import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import type { Job } from '../../plan/types.ts'
import { formatPlatform, samePlatform, type Platform } from '../../platform.ts'
import type { BlobSource, BuiltImage } from '../../content/built-image.ts'
import type { Driver, DriverOptions, NodeTest, TestOptions } from '../driver.ts'
import type { EngineImages } from '../engine-images.ts'
import { createImagesUnderTest } from '../images-under-test.ts'
import type { RemoteBuild } from '../remote-build.ts'
import type { Transport } from '../transport.ts'
import { entitlementsOf, frontendAttributes, targetOf } from './attributes.ts'
import { jobCaches } from './caches.ts'
import { exportTree } from './export-tree.ts'
import { failureOf } from './failure.ts'
import { ABILITY, checkAbilities, type BuildkitFacts } from './facts.ts'
import type { SolveRequestSchema } from './gen/control_pb.ts'
import { createLinks, type Link } from './links.ts'
import { namedContextAttributes } from './named-contexts.ts'
import { createHandOver, type NodePacks } from './packs/hand-over.ts'
import { createNamedRegistries } from './named-registries.ts'
import { createProgress } from './progress.ts'
import { checkPlatform, pushedImage, storedImage } from './result.ts'
import type { GivenBlobs } from './session/given.ts'
import { newId } from './session/session.ts'
import { solve } from './solve.ts'
import { testByBuild } from './test-image.ts'

export interface BuildkitOptions {
  readonly transport: Transport
  readonly facts: BuildkitFacts
  /** What a job is built from; equal builds share a session, and with it their steps. */
  readonly buildFor: (job: Job) => RemoteBuild | Promise<RemoteBuild>
  /**
   * The images of the engine that the daemon is part of: results of daemons that do not give out OCI content go
   * through them.
   */
  readonly images?: (build: RemoteBuild) => EngineImages
  /**
   * The result goes there from the daemon itself, by digest, and not to this machine. Only for daemons that give out
   * OCI content.
   */
  readonly pushTo?: PushTarget
  /** What emulated steps get of native toolchains. */
  readonly packs?: NodePacks
  /** BUILDPLATFORM of all jobs; absent: the daemon's own. */
  readonly buildPlatform?: Platform
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A repository that the daemon pushes to. */
export interface PushTarget {
  /** `host/name` */
  readonly repository: string
  /** Plain http, or any certificate. */
  readonly insecure?: boolean
  /** Reads what is there now. */
  readonly blobs: BlobSource
}

/** A BuildKit daemon as a driver. Loading this module loads the protobuf runtime: import it when a node is used. */
export function createBuildkitDriver(options: BuildkitOptions): Driver {
  const { transport, facts } = options
  const links = createLinks(
    transport,
    options.env ?? {},
    createNamedRegistries({
      buildPlatform: options.buildPlatform ?? facts.platforms[0],
      pushTo: options.pushTo?.repository,
    }),
  )
  const progress = createProgress()
  const kept = createImagesUnderTest()
  const handOver = options.packs && createHandOver(options.packs)

  async function build(job: Job, { signal, emit, stages = [] }: DriverOptions): Promise<BuiltImage> {
    const remote = await options.buildFor(job)
    const platform = targetOf(job)
    const emulated = job.decision.strategy.kind === 'emulate'
    const followed = progress.follow({
      emit,
      platform: formatPlatform(platform),
      dockerfile: remote.dockerfile.shown,
      emulated,
      cut: remote.cut,
    })
    const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
    let link: Link | undefined
    try {
      checkAbilities(remote.options, facts, transport.endpoint)
      link = await links.to(remote, signal)
      const { client, session, inputs } = link
      const caches = await jobCaches({
        build: remote,
        facts,
        platform,
        stores: inputs.stores,
        env: options.env ?? {},
        warn,
      })
      const named = await namedContextAttributes({
        build: remote,
        facts,
        platform,
        stages,
        signal,
        stores: inputs.stores,
      })
      const handed = await handOver?.to(remote, inputs, warn)
      const attributes = {
        ...frontendAttributes(job, remote, { ownImages: transport.session !== undefined, ...overridden(options) }),
        ...named,
        ...handed?.attributes,
      }
      const name = `xbuild.invalid/result:${newId()}`
      const request = {
        Frontend: remote.dockerfile.frontend ? 'gateway.v0' : 'dockerfile.v0',
        FrontendAttrs: {
          ...attributes,
          ...(caches.imports.length > 0 ? { 'cache-imports': JSON.stringify(caches.imports) } : {}),
        },
        Cache: { Imports: [...caches.imports], Exports: [...caches.exports] },
        Entitlements: entitlementsOf(remote.options),
        ...exporter(remote, { name, warn }),
      } as MessageInitShape<typeof SolveRequestSchema>
      const answer = await solve({ client, session, request, onStatus: followed.take, signal })
      const refused = followed.refused()
      if (refused) throw refused
      await caches.finish(answer)
      const image = await taken(answer, { name, remote, platform, given: inputs.given, signal })
      checkPlatform(image.config, job.kind === 'image' ? job.target : job.platform, transport.endpoint)
      const made = link
      const packs = [
        ...stages.flatMap((stage) => stage.image.packs ?? []),
        ...[...followed.packs()].flatMap((context) => handed?.packs.get(context) ?? []),
      ]
      const madeOf =
        facts.givesOci && !remote.dockerfile.frontend
          ? { madeOf: { bases: followed.bases(), folders: [...link.inputs.reads] } }
          : {}
      return {
        ...image,
        ...madeOf,
        ...(packs.length > 0 ? { packs } : {}),
        exportTree: ({ signal }) => exportTree({ transport, link: made, build: remote, request, signal }),
      }
    } catch (error) {
      const step = followed.failed()
      throw failureOf(link?.ownFailure(error) ?? error, {
        endpoint: transport.endpoint,
        signal,
        dockerfile: remote.dockerfile,
        emulated,
        ...compact({ step }),
      })
    } finally {
      followed.end()
    }
  }

  async function taken(
    answer: Readonly<Record<string, string>>,
    {
      name,
      remote,
      platform,
      given,
      signal,
    }: { name: string; remote: RemoteBuild; platform: Platform; given: GivenBlobs; signal: AbortSignal },
  ): Promise<BuiltImage> {
    if (!facts.givesOci) {
      const images = imagesOf(remote)
      let image: BuiltImage | undefined
      try {
        image = await images.read(name, { signal, platform })
        return image
      } finally {
        await kept.settle(name, { images, options: remote.options, image })
      }
    }
    const digest = answer['containerimage.digest']
    if (digest === undefined)
      throw new XbuildError(
        'UNSUPPORTED',
        `Cannot take the result of "${transport.endpoint}": the daemon did not return its digest`,
        { hint: 'This BuildKit is too old: update it' },
      )
    return options.pushTo
      ? pushedImage(answer, platform, options.pushTo)
      : storedImage(digest, platform, { store: remote.store, given, signal })
  }

  function exporter(remote: RemoteBuild, { name, warn }: { name: string; warn: (message: string) => void }) {
    const { sourceDateEpoch } = remote.options
    const clamps = facts.givesOci && facts.abilities.has(ABILITY.timestamps)
    if (sourceDateEpoch !== undefined && !clamps)
      warn(
        `${transport.endpoint} does not apply SOURCE_DATE_EPOCH to the files of layers: this needs the containerd image store and BuildKit 0.13`,
      )
    if (!facts.givesOci) {
      imagesOf(remote)
      return { Exporter: 'moby', ExporterAttrs: { name } }
    }
    const stamp = sourceDateEpoch === undefined ? {} : { 'rewrite-timestamp': 'true' }
    const { pushTo } = options
    if (!pushTo)
      return {
        Exporter: 'oci',
        ExporterAttrs: { ...stamp, ...(facts.abilities.has(ABILITY.blobByBlob) ? { tar: 'false' } : {}) },
      }
    const insecure = pushTo.insecure ? { 'registry.insecure': 'true' } : {}
    return {
      Exporter: 'image',
      ExporterAttrs: {
        ...stamp,
        ...insecure,
        name: pushTo.repository,
        push: 'true',
        'push-by-digest': 'true',
        'oci-mediatypes': 'true',
        store: 'false',
      },
    }
  }

  function imagesOf(remote: RemoteBuild): EngineImages {
    if (options.images) return options.images(remote)
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot take results from "${transport.endpoint}": its BuildKit exports only to the image store of its engine`,
    )
  }

  async function test({ job, ...asked }: NodeTest, { signal, onLine }: TestOptions): Promise<void> {
    const remote = await options.buildFor(job)
    if (facts.givesOci && facts.abilities.has(ABILITY.layouts))
      return testByBuild(
        { job, ...asked },
        { build: remote, facts, links, endpoint: transport.endpoint, signal, onLine },
      )
    const name = kept.nameOf(asked.image)
    return imagesOf(remote).test({ ...asked, name, options: remote.options, cut: remote.cut }, { signal, onLine })
  }

  return {
    build,
    test,
    // The transport belongs to whoever made it
    async close() {
      await kept.close()
      links.close()
    },
  }
}

/** BUILDPLATFORM has to be told only where the daemon would say another. */
function overridden({ buildPlatform, facts }: BuildkitOptions): { buildPlatform?: Platform } {
  const [own] = facts.platforms
  return buildPlatform && !(own && samePlatform(own, buildPlatform)) ? { buildPlatform } : {}
}
