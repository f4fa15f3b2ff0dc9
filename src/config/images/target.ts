import type { SourcePosition } from '../../errors.ts'
import type { PlatformOverride } from '../options.ts'

/** A value with the place that says so; a value that the command line or a rule gives has none. */
export interface Said<T = string> {
  readonly value: T
  readonly at?: SourcePosition | undefined
}

/** A value that a file says. */
export interface Placed extends Said {
  readonly at: SourcePosition
}

/** Values by name. */
export type SaidRecord = Readonly<Record<string, Said>>

/**
 * One image that a compose file, a bake file or xbuild.yaml describes, with nothing left to look up: variables,
 * inheritance, merges and overrides are done. Values are texts in the words of buildx; `optionsOf` reads them.
 */
export interface ImageTarget {
  /** What `target:NAME`, progress and the metadata file call it; unique. */
  readonly name: string
  readonly at?: SourcePosition | undefined
  readonly description?: Said
  /** A folder, relative to the folder of the run; `cwd://FOLDER`; a URL. Absent: `.`. */
  readonly context?: Said
  /** A path, relative to the context when that is a folder; `cwd://FILE`. */
  readonly dockerfile?: Said
  /** The Dockerfile itself. */
  readonly dockerfileInline?: Said
  readonly args?: SaidRecord
  readonly labels?: SaidRecord
  readonly tags?: readonly Said[]
  readonly platforms?: readonly Said[]
  /** The stage. */
  readonly target?: Said
  /** Named contexts as `--build-context` has them behind `NAME=`, and `target:NAME`. */
  readonly contexts?: SaidRecord
  /** Each as `--cache-from` has it. */
  readonly cacheFrom?: readonly Said[]
  /** Each as `--cache-to` has it. */
  readonly cacheTo?: readonly Said[]
  /** Each as `--output` has it. */
  readonly output?: readonly Said[]
  /** Each as `--secret` has it. */
  readonly secrets?: readonly Said[]
  /** Each as `--ssh` has it. */
  readonly ssh?: readonly Said[]
  readonly noCache?: Said<boolean>
  readonly noCacheFilter?: readonly Said[]
  readonly pull?: Said<boolean>
  readonly network?: Said
  readonly shmSize?: Said
  /** Each as `--ulimit` has it. */
  readonly ulimits?: readonly Said[]
  /** Addresses by name; several are separated by commas. */
  readonly extraHosts?: SaidRecord
  readonly entitlements?: readonly Said[]
  /** Each as `--annotation` has it. */
  readonly annotations?: readonly Said[]
  /** Each as `--attest` has it; of a type the last counts. */
  readonly attest?: readonly Said[]
  /** Each as `--resource` has it. */
  readonly resources?: readonly Said[]
  /** Each as `--test` has it. */
  readonly test?: readonly Said[]
  /** What to do with the Dockerfile: `build`, `check`, `outline`, `targets`. */
  readonly call?: Said
  /** What is different for single platforms. */
  readonly overrides?: readonly PlatformOverride[]
  /** As `--timeout` has it; each platform may take as long. */
  readonly timeout?: Said
}

/** The images that a target is made from, by the names of its contexts. */
export function neededBy({ contexts = {} }: ImageTarget): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(contexts).flatMap(([name, { value }]) =>
      value.startsWith('target:') ? [[name, value.slice('target:'.length)]] : [],
    ),
  )
}

/** The targets of these names and all that they are made from, in the order given. */
export function withNeeded(targets: readonly ImageTarget[], names: readonly string[]): readonly ImageTarget[] {
  const byName = new Map(targets.map((target) => [target.name, target]))
  const wanted = new Set<string>()
  const pending = [...names]
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const target = byName.get(name)
    if (!target || wanted.has(name)) continue
    wanted.add(name)
    pending.push(...Object.values(neededBy(target)))
  }
  return targets.filter(({ name }) => wanted.has(name))
}
