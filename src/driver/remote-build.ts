import type { CompleteOptions } from '../config/options.ts'
import type { CutLine } from '../content/lines.ts'
import type { ForeignFrontend } from '../dockerfile/types.ts'
import type { Dockerfile, StageGraph } from '../dockerfile/types.ts'
import type { Platform } from '../platform.ts'
import type { Credentials } from '../registry/credentials.ts'
import type { Store } from '../store/store.ts'

/**
 * What a driver that sends a build to another engine knows of it; the overrides of the job's platform are in the
 * options already.
 */
export interface RemoteBuild {
  readonly options: CompleteOptions
  readonly dockerfile: RemoteDockerfile
  readonly context: RemoteContext
  /** Content of a `--secret`; undefined when there is none with that id. */
  readonly secret: (id: string) => Promise<Buffer | undefined>
  /** Path of the socket of an `--ssh` agent, if there is one. */
  readonly agent: (id: string) => string | undefined
  /** What this machine's user is to registries. */
  readonly credentials: Credentials
  /** Told of what the user should know of the engine. */
  readonly warn: (message: string) => void
  /** Where a long line of a log may be cut in two: in no secret. */
  readonly cut?: CutLine
  /** Results are read back into it. */
  readonly store: Store
  /** What the Dockerfile comes to where `$BUILDPLATFORM` is this. */
  readonly graphFor?: (buildPlatform: Platform) => { readonly dockerfile: Dockerfile; readonly graph: StageGraph }
}

export interface RemoteDockerfile {
  readonly text: string
  /** How messages call the file. */
  readonly shown: string
  /** Another frontend than Docker's reads it. */
  readonly frontend?: ForeignFrontend
}

/** What COPY without --from reads. */
export type RemoteContext =
  /** A folder of this machine; `ignore` holds the lines of its .dockerignore, or of the Dockerfile's own. */
  | { readonly kind: 'folder'; readonly path: string; readonly ignore: readonly string[] }
  /** A git repository or archive that the engine fetches itself. */
  | { readonly kind: 'url'; readonly url: string }
  /** A tar archive on this machine, as it was read from standard input. */
  | { readonly kind: 'archive'; readonly file: string }
  | { readonly kind: 'nothing' }
