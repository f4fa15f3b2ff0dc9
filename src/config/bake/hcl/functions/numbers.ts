import { FunctionError, intOf, type LibraryFunction, numOf, parameter, textOf } from '../function.ts'
import {
  add,
  compare,
  divide,
  isInt,
  modulo,
  multiply,
  type Num,
  negate,
  ofDouble,
  ofInt,
  round,
  toBigInt,
  toDouble,
} from '../number.ts'
import { power } from '../power.ts'
import { ANY, BOOL, NUMBER } from '../types.ts'
import { bool, number, sameValue, type Value } from '../value.ts'

const A = parameter('a', NUMBER)
const B = parameter('b', NUMBER)
const ZERO = ofInt(0)

function unary(run: (a: Num) => Num): LibraryFunction {
  return { parameters: [parameter('num', NUMBER)], run: ([a]) => number(run(numOf(a))) }
}

function binary(run: (a: Num, b: Num) => Num): LibraryFunction {
  return { parameters: [A, B], run: ([a, b]) => number(run(numOf(a), numOf(b))) }
}

function comparing(run: (difference: number) => boolean): LibraryFunction {
  return { parameters: [A, B], run: ([a, b]) => bool(run(compare(numOf(a), numOf(b)))) }
}

function logic(run: (a: boolean, b: boolean) => boolean): LibraryFunction {
  return {
    parameters: [parameter('a', BOOL), parameter('b', BOOL)],
    run: ([a, b]) => bool(run(a!.data as boolean, b!.data as boolean)),
  }
}

function equality(wanted: boolean): LibraryFunction {
  return {
    parameters: [
      { name: 'a', type: ANY, nullable: true },
      { name: 'b', type: ANY, nullable: true },
    ],
    run: ([a, b]) => bool(sameValue(a!, b!) === wanted),
  }
}

function extreme(sign: 1 | -1): LibraryFunction {
  return {
    parameters: [],
    rest: parameter('numbers', NUMBER),
    run: (given) => {
      if (given.length === 0) throw new FunctionError('must pass at least one number')
      return number(given.map(numOf).reduce((best, each) => (compare(each, best) * sign > 0 ? each : best)))
    },
  }
}

function truncate(a: Num): Num {
  return isInt(a) ? a : ofInt(toBigInt(a))
}

function floor(a: Num): Num {
  const cut = add(truncate(a), ZERO)
  return compare(cut, a) > 0 ? add(cut, ofInt(-1)) : cut
}

function parseInteger(text: string, base: number): Value {
  if (base < 2 || base > 62) throw new FunctionError('base must be a whole number between 2 and 62 inclusive')
  if (text.length > 2000) throw new FunctionError('the number is out of range')
  const digits = text.replace(/^[+-]/, '')
  let value = 0n
  for (const char of digits) {
    const digit = digitOf(char, base)
    if (digit < 0 || digit >= base) throw new FunctionError(`cannot parse "${text}" as a base ${base} integer`)
    value = value * BigInt(base) + BigInt(digit)
  }
  if (digits === '') throw new FunctionError(`cannot parse "${text}" as a base ${base} integer`)
  return number(round(text.startsWith('-') ? -value : value, 0, 512))
}

// Up to base 36 both cases are the same; above, capitals come after small letters
function digitOf(char: string, base: number): number {
  if (char >= '0' && char <= '9') return char.charCodeAt(0) - 48
  if (char >= 'a' && char <= 'z') return char.charCodeAt(0) - 87
  if (char >= 'A' && char <= 'Z') return char.charCodeAt(0) - (base <= 36 ? 55 : 29)
  return -1
}

/** Functions of numbers and of true and false. */
export const NUMBER_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  absolute: unary((a) => (compare(a, ZERO) < 0 ? negate(a) : a.minusZero ? ZERO : a)),
  add: binary(add),
  subtract: binary((a, b) => add(a, negate(b))),
  multiply: binary(multiply),
  divide: binary(divide),
  modulo: binary(modulo),
  negate: unary(negate),
  ceil: unary((a) => add(negate(floor(negate(a))), ZERO)),
  floor: unary(floor),
  int: unary(truncate),
  signum: {
    parameters: [parameter('num', NUMBER)],
    run: ([a]) => number(ofInt(Math.sign(intOf(a, 'num')))),
  },
  log: {
    parameters: [parameter('num', NUMBER), parameter('base', NUMBER)],
    run: ([a, b]) => number(ofDouble(Math.log(toDouble(numOf(a))) / Math.log(toDouble(numOf(b))))),
  },
  pow: {
    parameters: [parameter('num', NUMBER), parameter('power', NUMBER)],
    run: ([a, b]) => number(ofDouble(power(toDouble(numOf(a)), toDouble(numOf(b))))),
  },
  max: extreme(1),
  min: extreme(-1),
  parseint: {
    parameters: [parameter('number', ANY), parameter('base', NUMBER)],
    run: ([given, base]) => {
      if (given!.type.kind !== 'string') throw new FunctionError('the first argument must be a string')
      return parseInteger(textOf(given), intOf(base, 'base'))
    },
  },
  greaterthan: comparing((difference) => difference > 0),
  greaterthanorequalto: comparing((difference) => difference >= 0),
  lessthan: comparing((difference) => difference < 0),
  lessthanorequalto: comparing((difference) => difference <= 0),
  and: logic((a, b) => a && b),
  or: logic((a, b) => a || b),
  not: { parameters: [parameter('val', BOOL)], run: ([value]) => bool(!value!.data) },
  equal: equality(true),
  notequal: equality(false),
}
