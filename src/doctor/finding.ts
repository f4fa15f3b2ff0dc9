/** Something that was looked at on a machine. */
export interface Finding {
  /** `local`, or the name of a node. */
  readonly node: string
  /** What was looked at: `kernel`, `disk`, `linux/arm64`, a registry. */
  readonly name: string
  /** `problem`: builds fail because of it; `warning`: some do, or only by luck do not. */
  readonly state: 'ok' | 'warning' | 'problem'
  /** One sentence without full stop. */
  readonly text: string
  /** The way out, in the imperative. */
  readonly fix?: string
  /** What `--fix` does about it. */
  readonly repair?: Repair
}

/** A change that takes nothing away from anybody. */
export type Repair =
  | { readonly kind: 'packages'; readonly packages: readonly string[] }
  /** Ids `start` to `start + count - 1` for a user's namespaces. */
  | { readonly kind: 'ids'; readonly user: string; readonly start: number; readonly count: number }
  /** Hash what may have changed, and remove what is not what its name says. */
  | { readonly kind: 'store' }

/** A finding about this machine. */
export function here(
  name: string,
  state: Finding['state'],
  text: string,
  more: Pick<Finding, 'fix' | 'repair'> = {},
): Finding {
  return { node: 'local', name, state, text, ...more }
}
