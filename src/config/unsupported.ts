import { insteadOf } from './flags-of-others.ts'
import { readBool, usageError } from './values.ts'

/** A flag of `docker buildx build` that xbuild knows and does not do yet. */
export interface LaterFlag {
  readonly short?: string
  /** A switch takes no value of its own. */
  readonly isSwitch?: boolean
  /** Values that ask for what xbuild does anyway. */
  accepts?(value: string): boolean
}

const isFalse = (value: string) => readBool(value) === false
const isTrue = (value: string) => readBool(value) === true

/** By long name. */
export const LATER_FLAGS: Readonly<Record<string, LaterFlag>> = {
  'cgroup-parent': {},
  compress: { isSwitch: true, accepts: isTrue },
  'force-rm': { isSwitch: true, accepts: isTrue },
  isolation: { accepts: (value) => value === 'default' },
  policy: {},
  rm: { isSwitch: true, accepts: isTrue },
  'security-opt': {},
  squash: { isSwitch: true, accepts: isFalse },
}

/** Passes when the value asks for what xbuild does anyway; throws BAD_OPTION that says "not yet" otherwise. */
export function checkLaterFlag(name: string, value: string): void {
  const flag = LATER_FLAGS[name]
  if (!flag || flag.accepts?.(value)) return
  const shown = flag.isSwitch && isTrue(value) ? `--${name}` : `--${name}=${value}`
  throw usageError(`Cannot use "${shown}": xbuild does not support it yet`, insteadOf(name) ?? 'Leave it out')
}
