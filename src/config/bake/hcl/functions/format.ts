import { compact } from '../../../../compact.ts'
import { characters } from '../characters.ts'
import { spendCharacters, spendItems, type Budget } from '../budget.ts'
import { convert } from '../convert.ts'
import { FunctionError, type LibraryFunction, parameter, textOf } from '../function.ts'
import { isInt, type Num, toBigInt } from '../number.ts'
import { formatReal, formatShortest } from '../number-format.ts'
import { ANY, BOOL, NUMBER, STRING } from '../types.ts'
import { isSequence, itemsOf, list, text, type Value } from '../value.ts'
import { toJsonText } from './json-text.ts'

const VERB = /%(?:(%)|([-+ #0]*)(\d+)?(?:\.(\d+)?)?(?:\[(\d+)\])?(.))/gsu

interface Flags {
  readonly flags: string
  readonly width?: number
  readonly precision?: number
}

/** A format with its verbs filled in, by the rules of cty's `format`. */
export function format(pattern: string, given: readonly Value[], budget: Budget): string {
  let next = 0
  let highest = 0
  const take = (verb: string): Value => {
    const value = given[next]
    if (!value)
      throw new FunctionError(`not enough arguments for "${verb}": need index ${next} but have ${given.length} total`)
    next += 1
    highest = Math.max(highest, next)
    return value
  }
  let result = ''
  let end = 0
  for (const match of pattern.matchAll(VERB)) {
    const [whole, percent, flags = '', width, precision, index, verb = ''] = match
    result += pattern.slice(end, match.index)
    end = match.index + whole.length
    if (percent) {
      result += '%'
      continue
    }
    if (index !== undefined) next = Number(index) - 1
    const wide = width === undefined ? undefined : Number(width)
    const dot = whole.includes('.')
    const precise = precision === undefined ? (dot ? 0 : undefined) : Number(precision)
    if ((wide ?? 0) > 10_000 || (precise ?? 0) > 1000) throw new FunctionError('a width or a precision is too large')
    const made = one(verb, take(whole), {
      flags,
      ...compact({ width: wide, precision: precise }),
    })
    spendCharacters(budget, made.length)
    result += made
  }
  const rest = pattern.slice(end)
  const lost = rest.indexOf('%')
  if (lost >= 0) throw new FunctionError(`the format has a "%" without a verb at character ${end + lost + 1}`)
  if (given.length > highest && given.length > 0) {
    if (highest < given.length) throw new FunctionError(`too many arguments; only ${highest} used by the format`)
  }
  return result + rest
}

function one(verb: string, value: Value, how: Flags): string {
  switch (verb) {
    case 'v':
      return pad(plain(value, how), how)
    case 't':
      return String(to(value, BOOL, verb).data)
    case 's':
    case 'q':
      return quoted(verb, textOf(to(value, STRING, verb)), how)
    case 'b':
    case 'd':
    case 'o':
    case 'x':
    case 'X':
      return whole(verb, to(value, NUMBER, verb).data as Num, how)
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
      return real(verb, to(value, NUMBER, verb).data as Num, how)
    default:
      throw new FunctionError(`unsupported format verb "${verb}"`)
  }
}

function to(value: Value, type: typeof STRING, verb: string): Value {
  if (value.data === null) throw new FunctionError(`unsupported value for "%${verb}": null value cannot be formatted`)
  return convert(value, type)
}

function plain(value: Value, how: Flags): string {
  if (how.flags.includes('#') || value.data === null) return toJsonText(value)
  if (value.type.kind === 'string') return textOf(value)
  if (value.type.kind === 'number') return formatShortest(value.data as Num)
  return toJsonText(value)
}

function quoted(verb: string, value: string, how: Flags): string {
  const cut = how.precision === undefined ? value : characters(value).slice(0, how.precision).join('')
  return pad(verb === 'q' ? JSON.stringify(cut) : cut, how)
}

const PREFIXES: Readonly<Record<string, string>> = { b: '0b', o: '0', x: '0x', X: '0X' }
const BASES: Readonly<Record<string, number>> = { b: 2, d: 10, o: 8, x: 16, X: 16 }

function whole(verb: string, value: Num, how: Flags): string {
  if (!isInt(value)) throw new FunctionError(`unsupported value for "%${verb}": a whole number is required`)
  const all = toBigInt(value)
  const size = all < 0n ? -all : all
  const digits = size.toString(BASES[verb]).padStart(how.precision ?? 0, '0')
  const prefix = how.flags.includes('#') ? (PREFIXES[verb] ?? '') : ''
  return signed(all < 0n, prefix + (verb === 'X' ? digits.toUpperCase() : digits), how)
}

function real(verb: string, value: Num, how: Flags): string {
  const lower = verb.toLowerCase() as 'e' | 'f' | 'g'
  const made = formatReal(lower, value, how.precision)
  return signed(value.mantissa < 0n || value.minusZero === true, verb === lower ? made : made.toUpperCase(), how)
}

function signed(negative: boolean, digits: string, how: Flags): string {
  const sign = negative ? '-' : how.flags.includes('+') ? '+' : how.flags.includes(' ') ? ' ' : ''
  if (how.flags.includes('0') && !how.flags.includes('-') && how.width !== undefined)
    return sign + digits.padStart(how.width - sign.length, '0')
  return pad(sign + digits, { ...how, flags: how.flags.replaceAll('0', '') })
}

function pad(value: string, { flags, width }: Flags): string {
  const missing = (width ?? 0) - (width ? characters(value).length : 0)
  if (missing <= 0) return value
  if (flags.includes('-')) return value + ' '.repeat(missing)
  return (flags.includes('0') ? '0' : ' ').repeat(missing) + value
}

const REST = { name: 'args', type: ANY, nullable: true }

/** `format`. */
export const formatFunction: LibraryFunction = {
  parameters: [parameter('format', STRING)],
  rest: REST,
  run: ([pattern, ...given], { budget }) => text(format(textOf(pattern), given, budget)),
}

/** `formatlist`: a text for each element of the lists. */
export const formatList: LibraryFunction = {
  parameters: [parameter('format', STRING)],
  rest: REST,
  run: ([pattern, ...given], { budget }) => {
    const lists = given.filter((value) => isSequence(value) && value.data !== null)
    const counts = new Set(lists.map((value) => itemsOf(value).length))
    if (counts.size > 1) throw new FunctionError('all lists must have the same number of elements')
    const [count = 1] = counts
    spendItems(budget, count)
    const rows = Array.from({ length: count }, (_, at) =>
      given.map((value) => (lists.includes(value) ? itemsOf(value)[at]! : value)),
    )
    return list(
      STRING,
      rows.map((row) => text(format(textOf(pattern), row, budget))),
    )
  },
}
