import type { BlobSource } from '../../content/built-image.ts'
import type { Job } from '../../plan/types.ts'
import type { Platform } from '../../platform.ts'
import type { EngineImages } from '../engine-images.ts'
import { createImagesUnderTest, type ImagesUnderTest } from '../images-under-test.ts'
import type { RemoteBuild } from '../remote-build.ts'
import type { Transport } from '../transport.ts'
import type { BuildkitFacts } from './facts.ts'
import { createLinks, type Links } from './links.ts'
import { createNamedRegistries } from './named-registries.ts'
import { createHandOver, type HandOver, type NodePacks } from './packs/hand-over.ts'
import { createProgress, type Progress } from './progress.ts'

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

/** What all jobs of one BuildKit daemon share. */
export interface Daemon {
  readonly options: BuildkitOptions
  readonly endpoint: string
  readonly facts: BuildkitFacts
  readonly env: Readonly<Record<string, string | undefined>>
  readonly links: Links
  readonly progress: Progress
  /** Images that wait for their `--test`. */
  readonly kept: ImagesUnderTest
  readonly handOver: HandOver | undefined
}

/** Connects to nothing until a job needs it. */
export function openDaemon(options: BuildkitOptions): Daemon {
  const { transport, facts, buildPlatform, pushTo, packs, env = {} } = options
  const named = createNamedRegistries({
    buildPlatform: buildPlatform ?? facts.platforms[0],
    pushTo: pushTo?.repository,
  })
  return {
    options,
    endpoint: transport.endpoint,
    facts,
    env,
    links: createLinks(transport, env, named),
    progress: createProgress(),
    kept: createImagesUnderTest(),
    handOver: packs && createHandOver(packs),
  }
}
