/** Which things of the store a command is about; several must all hold. */
export type StoreFilter =
  /** Not used for that long; milliseconds. */
  | { readonly key: 'until'; readonly age: number }
  | { readonly key: 'id' | 'type' | 'description'; readonly operator: '=' | '!=' | '~='; readonly value: string }

/** `xbuild du`. */
export interface DuOptions {
  readonly filters: readonly StoreFilter[]
  /** Every thing in a line of its own. */
  readonly verbose: boolean
  readonly json: boolean
  readonly store?: string | undefined
  readonly cwd: string
}

/** `xbuild prune`. */
export interface PruneOptions {
  /** Images with a name and native toolchains, too. */
  readonly all: boolean
  readonly filters: readonly StoreFilter[]
  /** Bytes that may stay. */
  readonly maxUsedSpace?: number | undefined
  /** Do not ask. */
  readonly force: boolean
  readonly verbose: boolean
  /** Milliseconds to wait for builds that run; absent: until they end. */
  readonly timeout?: number | undefined
  readonly store?: string | undefined
  readonly cwd: string
}
