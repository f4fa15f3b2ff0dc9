import type { ProvenanceOptions } from '../config/attest.ts'
import type { Remote } from '../dockerfile/remote.ts'

/** What the engine that made an image knows of how it came to be. */
export interface BuildRecord {
  /** The images that its stages read. */
  readonly images: readonly UsedImage[]
  /** What came over the network. */
  readonly remotes: readonly { readonly remote: Remote; readonly digest: string }[]
  /** Native toolchains that programs of a stage were run from, by the index of the stage. */
  readonly packs: ReadonlyMap<number, readonly NamedPack[]>
}

/** An image that a stage reads, for one platform. */
export interface UsedImage {
  /** A full reference; for one of an OCI layout the name of its build context. */
  readonly name: string
  readonly isLayout: boolean
  readonly platform: string
  /** Of the manifest for the platform, or of the index that has it; absent: nobody told. */
  readonly digest?: string
}

/** A pack of native toolchains; the name is for people, like `cc1 (gcc-14 14.2.0-19)`. */
export interface NamedPack {
  readonly name: string
  readonly digest: string
  /** Absent, as the source: an earlier version of xbuild kept only the name. */
  readonly recipe?: string
  readonly source?: PackSource
}

/** The source package that the programs of a pack were built from. */
export interface PackSource {
  readonly name: string
  readonly version: string
}

/** Something that the build used, as SLSA writes it. */
export interface Resource {
  readonly uri: string
  /** By algorithm, hex; absent: not known. */
  readonly digest?: Readonly<Record<string, string>>
}

/** How one stage was built. */
export interface StageFacts {
  readonly stage: string
  readonly platform: string
  /** `cross` where native toolchains took part, too; absent: not known. */
  readonly strategy?: string
  /** What ran its programs, as far as no native toolchain did. */
  readonly emulator?: string
  readonly node?: string
  readonly packs?: readonly PackFacts[]
}

/** A native toolchain: its program was built from the same source as the one that it stood in for. */
export interface PackFacts {
  readonly name: string
  readonly source?: PackSource
  readonly digest: Readonly<Record<string, string>>
}

/** What was asked for, with BuildKit's names. */
export interface RequestFacts {
  readonly frontend: string
  readonly args: Readonly<Record<string, string>>
  readonly secrets: readonly MountFacts[]
  readonly ssh: readonly MountFacts[]
  /** Folders of the machine that started the build. */
  readonly locals: readonly { readonly name: string }[]
}

export interface MountFacts {
  readonly id: string
  readonly optional?: true
}

/** One instruction of the Dockerfile. */
export interface StepFacts {
  readonly id: string
  readonly stage: string
  readonly platform: string
  /** As written, nothing expanded. */
  readonly instruction: string
  /** Ids of the steps that it builds on. */
  readonly inputs: readonly string[]
  /** In the Dockerfile; from 1 on. */
  readonly lines: { readonly start: number; readonly end: number }
}

/** Everything that is told of one platform's image. */
export interface ProvenanceFacts {
  readonly options: ProvenanceOptions
  /** Version of xbuild. */
  readonly version: string
  readonly builderPlatform: string
  readonly configSource: {
    readonly uri?: string
    readonly digest?: Readonly<Record<string, string>>
    readonly path?: string
  }
  readonly request: RequestFacts
  readonly resources: readonly Resource[]
  /** No folder was read, and of everything else the digest is known. */
  readonly complete: boolean
  /** No step could reach the network. */
  readonly hermetic: boolean
  readonly stages: readonly StageFacts[]
  /** Packs that steps on another node could use; nobody saw whether they did. */
  readonly offered: readonly PackFacts[]
  readonly steps: readonly StepFacts[]
  readonly dockerfile: { readonly name: string; readonly text: string }
  /** What version control says of the folder. */
  readonly vcs?: Readonly<Record<string, string>>
  /** Absent: equal builds are to give equal bytes. */
  readonly run?: { readonly id: string; readonly started: Date; readonly finished: Date }
}
