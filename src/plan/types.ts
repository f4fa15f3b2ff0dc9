import type { Platform } from '../platform.ts'
import type { ClassicBuilder } from './classic-limits.ts'

/** What a job runs on: the planner's facts about one machine with one driver. */
export interface Node {
  readonly name: string
  readonly endpoint: string
  readonly driver: DriverKind
  /** What the CPU runs by itself; the first is the node's own platform. */
  readonly native: readonly Platform[]
  /** What a foreign probe binary really ran under, or why it cannot. */
  readonly emulated: readonly Emulated[]
  /** Jobs at a time. */
  readonly slots: number
  /** The builder of an engine without BuildKit, which does not do all that a Dockerfile may ask for. */
  readonly classic?: ClassicBuilder
  /** It can use stages that another node built. */
  readonly takesStages?: boolean
}

/** `docker`: a Docker-like API without BuildKit. */
export type DriverKind = 'embedded' | 'buildkit' | 'docker'

/** One foreign platform of a node: by which emulator it runs, or the reason and the way out when it does not. */
export type Emulated =
  | {
      readonly platform: Platform
      readonly status: 'ready'
      readonly emulator: string
      readonly toolchains?: Toolchains
    }
  | {
      readonly platform: Platform
      readonly status: 'missing'
      readonly reason: string
      readonly hint: string
      /** The test did not end in time: the node may run such programs. */
      readonly timedOut?: true
    }

/** What is known of native twins for programs of a platform, before it is known which programs its steps run. */
export interface Toolchains {
  /** Packs that are there: name and the beginning of the digest. */
  readonly packs: readonly string[]
  /** Why programs that were met before have none. */
  readonly refused: readonly string[]
  /** Which part of the CPU time of emulated steps was native in earlier builds, 0 to 1. */
  readonly share?: number
}

/** How a job's programs come to run. */
export type Strategy =
  | { readonly kind: 'native'; readonly node: string }
  /** Runs on the build platform, for other platforms. */
  | { readonly kind: 'cross'; readonly node: string }
  | { readonly kind: 'emulate'; readonly node: string; readonly emulator: string }

/** A strategy, why it was taken, and what was not taken and why. */
export interface Decision {
  readonly strategy: Strategy
  readonly reason: string
  readonly rejected: readonly Rejected[]
}

export interface Rejected {
  readonly kind: Strategy['kind']
  readonly node: string
  readonly because: string
}

/** Work that no target platform tells apart from another appears once, with all platforms it serves. */
export type Job = StageJob | ImageJob

interface JobBase {
  readonly id: string
  /** Name of the request it belongs to; absent where a session has only one. */
  readonly image?: string
  /** Name of the stage, or its index as text. */
  readonly stage: string
  /** Ids of jobs that must be done first. */
  readonly needs: readonly string[]
  /** The platform its programs run on. */
  readonly platform: Platform
  readonly decision: Decision
}

/** A stage that other stages read from. */
export interface StageJob extends JobBase {
  readonly kind: 'stage'
  /** The target platforms it serves. */
  readonly targets: readonly Platform[]
  /** It is built by itself, for images on other nodes, too. */
  readonly shared?: true
}

/** The image of one target platform: its target stage, packed. */
export interface ImageJob extends JobBase {
  readonly kind: 'image'
  readonly target: Platform
  /** A step of it, or of a stage it needs, runs under an emulator. */
  readonly emulates?: true
  /** Named contexts (`target:NAME`) that are other images of the session, by their name, and the jobs that build them. */
  readonly contexts?: Readonly<Record<string, string>>
  /** Where it can be built when its node fails, best first. */
  readonly alternatives?: readonly Alternative[]
  /** What is different for this platform, in the words of xbuild.yaml. */
  readonly overrides?: readonly string[]
  /** The build goes on without it when it fails. */
  readonly optional?: true
  /** Milliseconds. */
  readonly timeout?: number
}

/** Another node for a job, and the worst that any of its stages takes there. */
export interface Alternative {
  readonly strategy: Strategy
  readonly emulates: boolean
}

/** Jobs in topological order; plain JSON. */
export interface BuildPlan {
  readonly dockerfile: string
  readonly buildPlatform: Platform
  readonly platforms: readonly Platform[]
  readonly jobs: readonly Job[]
  /** Every image of a session with several; `dockerfile` and `platforms` above are those of all of them then. */
  readonly images?: readonly PlannedImage[]
  /** Optional platforms that nobody can run: the build goes on without them. */
  readonly unplaced?: readonly Unplaced[]
  /** Nodes that were asked for and do not answer. */
  readonly lost?: readonly LostNode[]
  /** The images that stages start from, as their registries have them now. */
  readonly bases?: readonly BaseAvailability[]
  /** The repositories that the result is pushed to. */
  readonly pushes?: readonly PushRight[]
}

/** What is planned of one image among several. */
export interface PlannedImage {
  readonly name: string
  readonly dockerfile: string
  readonly platforms: readonly Platform[]
  /** Optional platforms that nobody can run: the image goes without them. */
  readonly unplaced?: readonly Unplaced[]
  /** Why it cannot be built; it has no jobs then. */
  readonly error?: { readonly code: string; readonly message: string }
}

/** Whether a base image is there for a platform; `missing` is certain, `unknown` is not. */
export interface BaseAvailability {
  readonly image: string
  readonly platform: Platform
  readonly status: 'found' | 'missing' | 'unknown'
  /** The digest of its manifest, or what stands in the way. */
  readonly detail: string
}

/** Whether a repository may be written with the credentials there are. */
export interface PushRight {
  readonly repository: string
  readonly status: 'allowed' | 'refused' | 'unknown'
  readonly detail?: string
}

/** A machine that was asked for and does not answer: the build goes on with the others, and says so. */
export interface LostNode {
  readonly name: string
  readonly because: string
}

export interface Unplaced {
  readonly platform: Platform
  readonly because: string
}
