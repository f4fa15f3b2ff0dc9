import type { Expression, Place } from './ast.ts'
import type { LibraryFunction, World } from './function.ts'
import type { Value } from './value.ts'

/** A function of a bake file. */
export interface UserFunction {
  readonly parameters: readonly string[]
  readonly rest?: string
  readonly result: Expression
}

/** Where names of a file lead; what it finds is evaluated when it is asked for. */
export interface Root {
  readonly world: World
  readonly variable: (name: string, at: Place) => Value | undefined
  /** A block of a kind, or one attribute of it; undefined when the kind is none of blocks. */
  readonly member: (kind: string, block: string, attribute: string | undefined, at: Place) => Value | undefined
  readonly userFunction: (name: string, at: Place) => UserFunction | undefined
  readonly library: (name: string) => LibraryFunction | undefined
  readonly names: () => { readonly variables: readonly string[]; readonly functions: readonly string[] }
  /** User functions that run now. */
  readonly running: Set<string>
}

/** Names that can be used in an expression: those of loops, parameters and matrices above those of the file. */
export interface Scope {
  readonly root: Root
  readonly own: ReadonlyMap<string, Value>
  /** The element that a splat looks at. */
  readonly item?: Value
  readonly depth: number
}

/** The value of an expression; given in, so that kinds of expressions need not import what evaluates all. */
export type Evaluate = (expression: Expression, scope: Scope) => Value

/** The scope with more names. */
export function within(scope: Scope, names: Iterable<readonly [string, Value]>): Scope {
  return { ...scope, own: new Map([...scope.own, ...names]) }
}
