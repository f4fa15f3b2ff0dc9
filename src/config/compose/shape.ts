import {
  countProblem,
  durationProblem,
  modeProblem,
  numberProblem,
  sizeProblem,
  switchProblem,
  wholeProblem,
} from './value-texts.ts'

/** What may stand at a place of a compose file, in the terms of the specification's JSON Schema. */
export interface Shape {
  /** Kinds that may stand there; absent: any. */
  readonly type?: readonly ShapeType[]
  /** Keys of a map; others are errors unless `values` is given. Keys that begin with `x-` are always allowed. */
  readonly keys?: Readonly<Record<string, Shape>>
  /** Keys that are not named change nothing: a warning, no error. */
  readonly passesOver?: boolean
  /** What stands behind keys that are not named. */
  readonly values?: Shape
  /** What such keys look like. */
  readonly pattern?: RegExp
  readonly required?: readonly string[]
  readonly items?: Shape
  /** No item of a list may be there twice. */
  readonly distinct?: boolean
  /** The words that a string may be. */
  readonly words?: readonly string[]
  /** What is wrong with a string, or a number as a string. */
  readonly problem?: (text: string) => string | undefined
  /** The same where compose makes a number, true or false of a string before it checks anything. */
  readonly cast?: (text: string) => string | undefined
}

/** A kind of value, by the names of JSON Schema; `digits` is a whole number that is written without a fraction. */
export type ShapeType = 'string' | 'number' | 'integer' | 'digits' | 'boolean' | 'null' | 'list' | 'map'

/** A string. */
export const TEXT: Shape = { type: ['string'] }
/** True or false, or a string that says so. */
export const SWITCH: Shape = { type: ['boolean', 'string'], problem: switchProblem }
/** The same, cast. */
export const CAST_SWITCH: Shape = { type: ['boolean', 'string'], cast: switchProblem }
/** A list of strings. */
export const TEXTS: Shape = { type: ['list'], items: TEXT }
/** A string, or a list of strings. */
export const TEXT_OR_TEXTS: Shape = { type: ['string', 'list'], items: TEXT }
/** A whole number, or a string that says one. */
export const WHOLE: Shape = { type: ['integer', 'string'] }
/** Any number, or a string that says one. */
export const NUMBER: Shape = { type: ['number', 'string'] }
/** A whole number, or a string that is cast to one. */
export const CAST_WHOLE: Shape = { type: ['integer', 'string'], cast: wholeProblem }
/** The same, not negative. */
export const CAST_COUNT: Shape = { type: ['number', 'string'], problem: countProblem, cast: wholeProblem }
/** Any number, or a string that is cast to a whole one. */
export const CAST_TO_WHOLE: Shape = { type: ['number', 'string'], cast: wholeProblem }
/** Any number, or a string that is cast to one. */
export const CAST_NUMBER: Shape = { type: ['number', 'string'], cast: numberProblem }
/** Bytes, or a string with a unit. */
export const SIZE: Shape = { type: ['number', 'string'], problem: sizeProblem }
/** How long. */
export const DURATION: Shape = { type: ['string'], problem: durationProblem }
/** `NAME=VALUE` in a list, or keys and values. */
export const LIST_OR_MAP: Shape = {
  type: ['list', 'map'],
  items: TEXT,
  values: { type: ['string', 'number', 'boolean', 'null'] },
}
/** Hosts with their addresses. */
export const HOSTS: Shape = { type: ['list', 'map'], items: TEXT, values: TEXT_OR_TEXTS }
/** The name of a service, a network, a volume, and the like. */
export const NAMED: RegExp = /^[a-zA-Z0-9._-]+$/

/** Keys and nothing else, except those that begin with `x-`. */
export function keysOf(keys: Readonly<Record<string, Shape>>, ...required: readonly string[]): Shape {
  return { type: ['map'], keys, required }
}

/** The same shape for several keys. */
export function each(names: string, shape: Shape): Record<string, Shape> {
  return Object.fromEntries(names.split(' ').map((name) => [name, shape]))
}

/** A list of such items. */
export function listOf(items: Shape): Shape {
  return { type: ['list'], items }
}

/** The same shape, but no item of a list may be there twice. */
export function distinctly(shape: Shape): Shape {
  return { ...shape, distinct: true }
}

/** One of these words. */
export function wordOf(words: string): Shape {
  return { type: ['string'], words: words.split(' ') }
}

/** A shape of which nothing may be said. */
export function orNull(shape: Shape): Shape {
  return { ...shape, type: [...(shape.type ?? []), 'null'] }
}

/** What a service mounts as a file: its name, or where it goes. */
export const MOUNTS: Shape = listOf({
  type: ['string', 'map'],
  keys: { ...each('source target uid gid', TEXT), mode: { type: ['digits', 'string'], cast: modeProblem } },
})
/** Limits of processes. */
export const ULIMITS: Shape = {
  type: ['map'],
  pattern: /^[a-z]+$/,
  values: {
    type: ['digits', 'string', 'map'],
    keys: each('soft hard', CAST_WHOLE),
    required: ['soft', 'hard'],
    cast: wholeProblem,
  },
}
