/** Where a `--secret` comes from. */
export type SecretSource =
  | { readonly kind: 'file' /** Relative to the build's `cwd`. */; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }

/** A resource limit, as `setrlimit` takes it; -1 is no limit. */
export interface Ulimit {
  /** Lower case, without `RLIMIT_`. */
  readonly name: string
  readonly soft: number
  readonly hard: number
}

/** What the control group of a step may use: the options of `docker run` of these names. */
export interface Resources {
  /** Bytes. */
  readonly memory?: number
  /** Bytes of memory and swap together; -1 is no limit. */
  readonly memorySwap?: number
  readonly cpuShares?: number
  /** Microseconds. */
  readonly cpuQuota?: number
  /** Microseconds. */
  readonly cpuPeriod?: number
  /** Like `0-3,6`. */
  readonly cpusetCpus?: string
  /** Like `0-3,6`. */
  readonly cpusetMems?: string
  /** Processes and threads. */
  readonly pids?: number
}

/**
 * Native toolchains in emulated steps: `auto` where there are any; `require` fails where there is none; `verify` runs
 * every step both ways and compares; `profile` is `auto`, and finds out where the CPU time of steps goes; `speculate` is
 * `auto`, and runs Node of the image's sibling in place of the image's, and the step again when that cannot be exact.
 */
export type AccelMode = 'auto' | 'off' | 'require' | 'verify' | 'profile' | 'speculate'

/** What a build says to all of its RUN steps. */
export interface RunOptions {
  /** By id. */
  readonly secrets?: Readonly<Record<string, SecretSource>>
  /** By id: the socket of an ssh agent, or key files, separated by commas, relative to the build's `cwd`. */
  readonly ssh?: Readonly<Record<string, string>>
  /**
   * The network of steps that do not say; default: one of their own, connected by pasta or slirp4netns, or the
   * host's, with a warning, where there is neither. `private`: one of their own, or an error.
   */
  readonly network?: 'private' | 'host' | 'none'
  /** Lines of /etc/hosts. */
  readonly addHosts?: readonly { readonly name: string; readonly ip: string }[]
  readonly ulimits?: readonly Ulimit[]
  /** What each step may use at most. */
  readonly resources?: Resources
  /** Bytes of /dev/shm. */
  readonly shmSize?: number
  /** Native toolchains in emulated steps; default: `auto`. */
  readonly accel?: AccelMode
  /** Sets of packs, by digest, in which a pack is looked for before it is made. */
  readonly packs?: readonly string[]
  /** Stages whose steps run anew, by name in lower case. */
  readonly noCacheFilter?: readonly string[]
  /** Rights that steps may take, in the words of buildx: `network.host`. */
  readonly allow?: readonly string[]
}
