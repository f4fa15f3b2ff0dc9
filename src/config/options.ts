import type { SourcePosition } from '../errors.ts'
import type { Remote } from '../dockerfile/remote.ts'
import type { Platform } from '../platform.ts'
import type { Attests, ProvenanceOptions, SbomOptions } from './attest.ts'
import type { SignOptions } from './sign.ts'
import type { CacheSource, CacheTarget } from './cache.ts'
import type { ImageForm, ImageNaming, TreeForm } from './image-form.ts'
import type { NodeDefinition } from './node.ts'
import type { RunOptions } from './run-options.ts'

/** Where a result goes. `dest` `-` is stdout. */
export type Output =
  | ({ readonly type: 'oci'; readonly dest: string; readonly tar: boolean } & ImageForm)
  | ({ readonly type: 'registry' } & ImageForm & ImageNaming)
  | ({ readonly type: 'local'; readonly dest: string } & TreeForm)
  | ({ readonly type: 'tar'; readonly dest: string } & TreeForm)
  /** It stays in the store. */
  | ({ readonly type: 'cacheonly' } & ImageForm & ImageNaming)
  /** An archive for `docker load`. */
  | ({ readonly type: 'docker'; readonly dest: string } & ImageForm)
  /**
   * Into the image store of a Docker Engine: the one of a Docker context or endpoint; absent: the one that `docker`
   * talks to.
   */
  | ({ readonly type: 'load'; readonly context?: string } & ImageForm)

/** A `--build-context NAME=...`. */
export type NamedContext =
  | { readonly kind: 'image'; readonly ref: string }
  /** `oci-layout://path[:tag|@digest]` */
  | { readonly kind: 'oci-layout'; readonly path: string; readonly ref?: string }
  | { readonly kind: 'dir'; readonly path: string }
  /** A git repository, or a tar archive behind a URL. */
  | { readonly kind: 'remote'; readonly remote: Remote }
  /** The result of another request of the same session, by its name. */
  | { readonly kind: 'target'; readonly image: string }

/** What is different for one platform of a build; what is absent is as for the others. */
export interface PlatformOverride {
  readonly platform: Platform
  /** The Dockerfile: a path or a URL, as for `-f`. */
  readonly file?: string
  readonly target?: string
  /** Beside those of the build, and before them. */
  readonly buildArgs?: Readonly<Record<string, string>>
  /** Images in the place of those that FROM and --from name. */
  readonly bases?: Readonly<Record<string, NamedContext>>
  /** Milliseconds. */
  readonly timeout?: number
  /** The build goes on without this platform when it fails. */
  readonly optional?: boolean
  /** Where each of these is written, when it is in a file. */
  readonly at?: Readonly<Partial<Record<OverrideKey, SourcePosition>>>
}

/** The names in xbuild.yaml; `platform` is the key above them. */
export type OverrideKey = 'platform' | 'dockerfile' | 'target' | 'args' | 'base' | 'timeout' | 'optional'

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'quiet' | 'rawjson'

/** How one registry host is reached; from `xbuild.yaml`. */
export interface RegistryConfig {
  /** Tried in order before the registry itself, for pulls. */
  readonly mirrors: readonly string[]
  /** Plain http; loopback hosts are http without saying so. */
  readonly http?: boolean
  /** Accept any TLS certificate. */
  readonly insecure?: boolean
  /** PEM file of an extra certificate authority. */
  readonly ca?: string
}

/** `error`: a build with programs that will not run is not published. */
export type AuditLevel = 'error' | 'warn' | 'off'

/**
 * One build, as the library is asked for it: only `context` must be given. The defaults are those of the flags of the
 * same meaning. Paths are as given, relative to `cwd`.
 */
export interface BuildOptions extends RunOptions {
  /** A folder; a URL of a git repository, a tar archive or a Dockerfile; `-` for standard input. */
  readonly context: string
  /**
   * The Dockerfile: a path (in the context, when that is no folder), a URL, `-` for standard input. Default:
   * `Dockerfile` in the context, then `dockerfile`.
   */
  readonly file?: string
  /** The Dockerfile itself, in the place of a file; `name` is how messages call it. */
  readonly inlineDockerfile?: { readonly text: string; readonly name: string }
  /** A file of the project names the context: git gets none of the user's own keys and logins for it. Default: false. */
  readonly projectContext?: boolean
  /** Stages that are made, with what they need, as a machine of another platform makes them: a cache has them. */
  readonly pinned?: { readonly platform: Platform; readonly stages: readonly string[] }
  /** As values, or as text like `linux/arm64`; `all` alone: what all base images have. Default: the build platform. */
  readonly platforms?: readonly (Platform | string)[]
  /** What is different for single platforms; those that are not in `platforms` are not built. Default: nothing. */
  readonly overrides?: readonly PlatformOverride[]
  /**
   * Names or endpoints of the nodes to build on, and no others. Default: this machine and all that take part in every
   * build.
   */
  readonly builders?: readonly string[]
  /** The `nodes` of xbuild.yaml. Default: none. */
  readonly nodes?: readonly NodeDefinition[]
  /** The stage to build. Default: the last one. */
  readonly target?: string
  /** Default: none. */
  readonly buildArgs?: Readonly<Record<string, string>>
  /** Default: none. */
  readonly labels?: Readonly<Record<string, string>>
  /** Each as `[TYPE:]NAME=VALUE`. Default: none. */
  readonly annotations?: readonly string[]
  /** What FROM and --from mean by a name. Default: images of registries. */
  readonly buildContexts?: Readonly<Record<string, NamedContext>>
  /** What is attested of how the image came to be; false, or both absent: nothing. `provenance` wins. */
  readonly provenance?: ProvenanceOptions | false
  /** Whether the contents of the image are listed, as SPDX, and where that is kept. Default: false. */
  readonly sbom?: SbomOptions | boolean
  /** How an image that is pushed is signed. Default: it is not. */
  readonly sign?: SignOptions | false
  /** The same as `provenance` and `sbom`, from `--attest`. */
  readonly attest?: Attests
  /** What wrong programs in the result do. Default: `error`; `warn` when all outputs are `local` or `tar`. */
  readonly audit?: AuditLevel
  /** Paths in the image, as patterns, that the audit leaves alone. Default: none. */
  readonly auditExcept?: readonly string[]
  /**
   * Commands that run in the finished image of every platform, on this machine; one that fails ends the build before
   * anything is published. Default: none.
   */
  readonly test?: readonly string[]
  /**
   * Build twice without cache; when a platform has another digest the second time, nothing is published. Default: false.
   */
  readonly checkReproducible?: boolean | undefined
  /** Default: none. */
  readonly tags?: readonly string[]
  /** Where the result goes. Default: it stays in the store. */
  readonly outputs?: readonly Output[]
  /** Push to every tag, as `type=registry` does. Default: false. */
  readonly push?: boolean
  /** Add the platforms to the images that the tags name, in the place of those for the same ones. Default: false. */
  readonly append?: boolean
  /** Move tags that others have changed since the build began. Default: false. */
  readonly force?: boolean
  /** Move tags that lose platforms. Default: false. */
  readonly allowPlatformDrop?: boolean
  /** Into the Docker Engine's image store, as `type=docker` without a destination does. Default: false. */
  readonly load?: boolean
  /** Run every step anew. Default: false. */
  readonly noCache?: boolean
  /** Resolve base images anew even when they are in the store. Default: false. */
  readonly pull?: boolean
  /** How the command shows progress; the library emits events in any case. Default: `auto`. */
  readonly progress?: ProgressMode
  /** File for digests of the result, as JSON. Default: none is written. */
  readonly metadataFile?: string
  /** File for the digest of the image. Default: none is written. */
  readonly iidFile?: string
  /** Steps at a time. Default: number of CPUs, at least 16 (steps often wait). */
  readonly jobs?: number
  /** How long the job of a platform may take. Default: as long as it takes. Milliseconds. */
  readonly timeout?: number
  /** How long a step may run without printing anything. Default: for ever. Milliseconds. */
  readonly silenceTimeout?: number
  /** By host. Default: every registry is reached by https, loopback hosts by http. */
  readonly registries?: Readonly<Record<string, RegistryConfig>>
  /** Seconds since the epoch; clamps every time stamp that xbuild writes. Default: times are not changed. */
  readonly sourceDateEpoch?: number
  /**
   * It is the time of this context, which is known once that is there: `context`, or the name of another one. Folders
   * and images have none.
   */
  readonly epochOfContext?: string
  /** Name or path of the OCI runtime. Default: the first of runc, crun, youki that really runs. */
  readonly ociRuntime?: string
  /** Folder of the store. Default: /var/lib/xbuild for root, else $XDG_DATA_HOME/xbuild. */
  readonly store?: string
  /** Caches of other machines to read. Default: none. */
  readonly cacheFrom?: readonly CacheSource[]
  /** Caches to write once the image is out. Default: none. */
  readonly cacheTo?: readonly CacheTarget[]
  /** Bytes that the store may hold after the build. Default: it grows. */
  readonly storeLimit?: number
  /** Default: the working directory of the process. */
  readonly cwd?: string
}

/** Options that have a value when nobody gave one. */
type DefaultedOption =
  | 'buildArgs'
  | 'labels'
  | 'annotations'
  | 'buildContexts'
  | 'tags'
  | 'outputs'
  | 'push'
  | 'noCache'
  | 'pull'
  | 'progress'
  | 'registries'
  | 'cacheFrom'
  | 'cacheTo'
  | 'cwd'

/** One build with all defaults, whoever asked for it: argv, xbuild.yaml, environment, or the library. */
export interface CompleteOptions
  extends Omit<BuildOptions, DefaultedOption | 'platforms'>,
    Required<Pick<BuildOptions, DefaultedOption>> {
  /** Empty: the build platform. */
  readonly platforms: readonly Platform[]
  /** Proxies of the user's Docker settings: build args that nobody asked for, so nothing is said of them. */
  readonly proxies?: Readonly<Record<string, string>> | undefined
}
