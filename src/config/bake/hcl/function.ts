import type { Budget } from './budget.ts'
import { ConvertError, convert } from './convert.ts'
import { compare, isInt, type Num, ofInt, toBigInt } from './number.ts'
import { ANY, STRING, type Type } from './types.ts'
import { itemsOf, type Value } from './value.ts'

/** A parameter of a function: the type that its argument becomes. */
export interface Parameter {
  readonly name: string
  readonly type: Type
  readonly nullable?: boolean
}

/** What functions may know of the world; given in, for evaluation is pure. */
export interface World {
  readonly budget: Budget
  readonly now: Date
  /** The home folder of the user. */
  readonly home: string
}

/** A function of the library. */
export interface LibraryFunction {
  readonly parameters: readonly Parameter[]
  /** What further arguments are, when there may be any number. */
  readonly rest?: Parameter
  readonly run: (given: readonly Value[], world: World) => Value
}

/** A function that refuses its arguments; the evaluator adds its name and the place. */
export class FunctionError extends Error {}

/** A parameter that takes any value but null. */
export function anyOf(name: string): Parameter {
  return { name, type: ANY }
}

/** A parameter of a type. */
export function parameter(name: string, type: Type): Parameter {
  return { name, type }
}

/** A function of one text that makes a text or another value of it. */
export function ofText(name: string, run: (text: string, world: World) => Value): LibraryFunction {
  return { parameters: [parameter(name, STRING)], run: ([value], world) => run(textOf(value), world) }
}

/** The text that the type of a parameter has made sure of. */
export function textOf(value: Value | undefined): string {
  return value?.data as string
}

/** The number that the type of a parameter has made sure of. */
export function numOf(value: Value | undefined): Num {
  return value?.data as Num
}

/** The texts of a list. */
export function textsOf(value: Value | undefined): string[] {
  return value ? itemsOf(value).map(textOf) : []
}

/** A number as a whole one that counts or indexes something. */
export function intOf(value: Value | undefined, name: string): number {
  const found = numOf(value)
  if (!isInt(found)) throw new FunctionError(`${name} must be a whole number`)
  if (compare(found, LARGEST) > 0 || compare(found, SMALLEST) < 0) throw new FunctionError(`${name} is out of range`)
  return Number(toBigInt(found))
}

const LARGEST = ofInt(2n ** 63n - 1n)
const SMALLEST = ofInt(-(2n ** 63n))

/** The arguments of a call as the parameters want them. */
export function prepare({ parameters, rest }: LibraryFunction, given: readonly Value[]): Value[] {
  if (given.length < parameters.length)
    throw new FunctionError(`the argument "${parameters[given.length]!.name}" is missing`)
  if (given.length > parameters.length && !rest)
    throw new FunctionError(`${given.length} arguments are given, it takes ${parameters.length}`)
  return given.map((value, at) => {
    const wanted = parameters[at] ?? rest!
    if (value.data === null && !wanted.nullable)
      throw new FunctionError(`the argument "${wanted.name}" must not be null`)
    try {
      return convert(value, wanted.type)
    } catch (error) {
      if (error instanceof ConvertError) throw new FunctionError(`the argument "${wanted.name}": ${error.message}`)
      throw error
    }
  })
}
