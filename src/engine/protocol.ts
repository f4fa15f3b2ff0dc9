import type { StepTimes } from '../content/starts.ts'
import type { LayerFiles } from '../audit/layer-files.ts'
import type { Resources } from '../config/run-options.ts'
import type { FileOwner } from '../dockerfile/run-mounts.ts'
import type { ErrorCode, ErrorFacts } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { SelectedSource } from '../content/select.ts'

/**
 * What the engine asks of its worker: the process that lives in the build's own namespaces and does whatever needs
 * mounts, foreign owners or containers. `lowers` are snapshot ids, bottom first; `id` is the snapshot to make.
 */
export interface WorkerMethods {
  /** Unpacks one layer blob. */
  apply: { params: ApplyParams; result: ApplyResult }
  /** Makes one snapshot of several. */
  flatten: { params: { id: string; lowers: readonly string[] }; result: Record<string, never> }
  copy: { params: CopyParams; result: Changed }
  workdir: { params: WorkdirParams; result: Changed }
  run: { params: RunParams; result: Changed }
  /** Opens the network of the worker's own steps, once; the first step that needs it asks. */
  openNetwork: { params: Record<string, never>; result: NetworkResult }
  /** Packs a snapshot into a layer blob of the store. */
  pack: { params: PackParams; result: PackResult }
  /** Writes the merged file system as a tar file. */
  exportTree: {
    params: { lowers: readonly string[]; file: string; sourceDateEpoch?: number }
    result: Record<string, never>
  }
  /** Digest over everything a COPY --from would take. */
  digest: {
    params: { lowers: readonly string[]; sources: readonly string[]; excludes: readonly string[] }
    result: { digest: string }
  }
  /** Text of a file, if it is there. */
  readFile: { params: { lowers: readonly string[]; path: string; limit: number }; result: { text?: string } }
  /** Makes the folder of a cache mount, unless it is there. */
  cacheFolder: { params: CacheFolderParams; result: Record<string, never> }
  /**
   * Runs a tiny container with a program of this machine, or of a GOARCH; `failure` says why it did not work,
   * `seccomp` whether the runtime takes a profile.
   */
  probeRuntime: {
    params: { runtime: string; architecture?: string }
    result: { failure?: string; isRunc: boolean; seccomp: boolean; devices: boolean }
  }
  /** Bytes that snapshots take on disk. */
  measure: { params: { ids: readonly string[] }; result: { sizes: Readonly<Record<string, number>> } }
  /** Paths at which two snapshots differ, times left aside. */
  compare: { params: { ids: readonly [string, string] }; result: { paths: readonly string[] } }
  /** Removes snapshots. */
  remove: { params: { ids: readonly string[] }; result: Record<string, never> }
}

/** Whether a step changed the file system at all. */
export interface Changed {
  readonly empty: boolean
  /** Equal for equal layers, when it could be told without reading them: such a layer is packed once. */
  readonly contentKey?: string
  readonly warnings?: readonly string[]
  /** Of a RUN that was asked to find out. */
  readonly times?: StepTimes
}

/**
 * The network that steps get: one of their own, connected or (`none`, on a machine that reaches nobody) not; or the
 * host's, with the reason and the way out. `notes` is what could not be done in it.
 */
export type NetworkResult =
  | { readonly kind: 'own' | 'none'; readonly notes: readonly string[] }
  | { readonly kind: 'host'; readonly reason: string; readonly fix: string; readonly notes: readonly string[] }

export interface ApplyParams {
  readonly id: string
  readonly lowers: readonly string[]
  readonly blob: string
  readonly mediaType: string
  readonly diffId: string
}

/** What was seen of the layer while it was unpacked. */
export interface ApplyResult {
  readonly files: LayerFiles
}

export interface CopyParams {
  readonly id: string
  readonly lowers: readonly string[]
  readonly source: CopySource
  /** ADD: what comes from elsewhere, after `source`; unpacked only when it says so itself. */
  readonly more?: readonly (CopySource & { readonly unpack: boolean })[]
  readonly inline: readonly { readonly name: string; readonly content: string }[]
  /** Absolute; a trailing slash says: a folder. */
  readonly dest: string
  readonly chown?: string
  readonly chmod?: string
  /** ADD: unpack local tar archives. */
  readonly unpack: boolean
}

/** What is copied: objects of a folder that were found already, or what patterns find in a file system. */
export type CopySource =
  | {
      readonly kind: 'context'
      readonly root: string
      readonly selected: readonly SelectedSource[] /** Compare each file with its entry after copying; default true. */
      readonly checked?: boolean
    }
  | {
      readonly kind: 'snapshot'
      readonly lowers: readonly string[]
      readonly sources: readonly string[]
      readonly excludes: readonly string[]
    }

export interface WorkdirParams {
  readonly id: string
  readonly lowers: readonly string[]
  readonly path: string
  readonly user: string
}

export interface RunParams {
  readonly id: string
  readonly lowers: readonly string[]
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly user: string
  readonly cwd: string
  readonly files: readonly { readonly path: string; readonly content: string; readonly mode: number }[]
  readonly runtime: string
  /** It says that it is runc. */
  readonly isRunc: boolean
  /** A program of a foreign platform: its crash is the emulator's until shown otherwise. */
  readonly emulated: boolean
  /** Those inside others after them. */
  readonly mounts: readonly WorkerMount[]
  /** `own`: the one that `openNetwork` opened. */
  readonly network: 'own' | 'host' | 'none'
  /** Lines of /etc/hosts, beside those every step gets. */
  readonly hosts: readonly { readonly name: string; readonly ip: string }[]
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
  /** Bytes of /dev/shm. */
  readonly shmSize?: number
  /** What its control group may use; a worker in a user namespace gets none. */
  readonly resources?: Resources
  /** Absent: the one that BuildKit gives. */
  readonly hostname?: string
  /** The runtime takes a seccomp profile. */
  readonly seccomp: boolean
  /** Processes that the step may have where `resources` do not say. */
  readonly mostProcesses: number
  /** The runtime keeps the machine's devices closed. */
  readonly guardsDevices: boolean
  /**
   * Folders that the handler of emulated programs looks into for native twins, and the file in which it tells what it
   * started: see qemu/handler/handler.c.
   */
  readonly accel?: { readonly packs: string; readonly step: string; readonly starts: string }
  /** Find out where the CPU time goes: milliseconds between two looks. */
  readonly looks?: number
}

/** A mount of a RUN: `lowers` and `id` are snapshots. */
export type WorkerMount =
  | {
      readonly type: 'bind'
      readonly target: string
      readonly lowers: readonly string[]
      readonly source: string
      readonly writable: boolean
    }
  | { readonly type: 'cache'; readonly target: string; readonly id: string; readonly readonly: boolean }
  | { readonly type: 'tmpfs'; readonly target: string; readonly size?: number }
  | {
      readonly type: 'secret'
      readonly target?: string
      readonly env?: string /** base64 */
      readonly content: string
      readonly owner: FileOwner
    }
  | {
      readonly type: 'ssh'
      readonly target: string /** Path of the agent's socket on the host. */
      readonly socket: string
      readonly owner: FileOwner
    }
  /** What is left of a mount that has nothing to show. */
  | { readonly type: 'variable'; readonly name: string; readonly value: string }

export interface CacheFolderParams {
  readonly id: string
  /** Of the folder, when it starts empty. */
  readonly owner: FileOwner
  readonly seed?: { readonly lowers: readonly string[]; readonly source: string }
}

export interface PackParams {
  readonly id: string
  readonly lowers: readonly string[]
  readonly sourceDateEpoch?: number
}

export type PackResult =
  | { readonly empty: true }
  | {
      readonly empty: false
      readonly descriptor: Descriptor
      readonly diffId: string
      /** What was seen of the layer while it was written. */
      readonly files?: LayerFiles
    }

export type Method = keyof WorkerMethods

/** Engine -> worker. */
export type ToWorker =
  | { readonly type: 'call'; readonly id: number; readonly method: Method; readonly params: unknown }
  | { readonly type: 'cancel'; readonly id: number }

/** Worker -> engine. */
export type FromWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'log'
      readonly id: number
      readonly stream: 'stdout' | 'stderr'
      readonly lines: readonly string[]
    }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: WireError }

/** An `XbuildError` as it crosses the process border. */
export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
  readonly output?: readonly string[]
  readonly facts: ErrorFacts
}
