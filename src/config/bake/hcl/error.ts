import type { Place } from './ast.ts'

/** Something wrong in a bake file, at its place. The end of the road makes an `XbuildError` of it. */
export class HclError extends Error {
  readonly at: Place
  readonly hint?: string

  constructor(message: string, at: Place, hint?: string) {
    super(message)
    this.at = at
    if (hint !== undefined) this.hint = hint
  }
}

/** Something that needs itself; no expression may go on after it. */
export class CircleError extends HclError {}
