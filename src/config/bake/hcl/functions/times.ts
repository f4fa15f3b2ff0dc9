import { DURATION_UNITS } from '../../../../dockerfile/duration.ts'
import { FunctionError, type LibraryFunction, numOf, parameter, textOf } from '../function.ts'
import { isInt, toBigInt } from '../number.ts'
import { ANY, NUMBER, STRING } from '../types.ts'
import { int, object, text, type Value } from '../value.ts'

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const STAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/

/** A point in time with the zone that it is shown in. */
interface Stamp {
  /** Seconds since 1970, UTC. */
  readonly seconds: number
  readonly nanos: number
  /** Minutes east of Greenwich. */
  readonly zone: number
  readonly utc: boolean
}

function parseStamp(value: string): Stamp {
  const match = STAMP.exec(value)
  if (!match) throw new FunctionError(`not a valid RFC3339 timestamp: "${value}"`)
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  const numbers = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(0)
  date.setUTCFullYear(numbers[0], numbers[1] - 1, numbers[2]) // Date.UTC takes the year 1 for 1901
  date.setUTCHours(numbers[3], numbers[4], numbers[5])
  const shown = date.toISOString().slice(0, 19)
  if (shown !== `${year}-${month}-${day}T${hour!.padStart(2, '0')}:${minute}:${second}`)
    throw new FunctionError(`not a valid RFC3339 timestamp: "${value}" is no date`)
  const minutes =
    zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))
  return {
    seconds: date.getTime() / 1000 - minutes * 60,
    nanos: Number(fraction.padEnd(9, '0').slice(0, 9)),
    zone: minutes,
    utc: minutes === 0,
  }
}

function ofUnix(value: Value): Stamp {
  const found = numOf(value)
  if (!isInt(found)) throw new FunctionError('unix timestamp must be an integer')
  const seconds = Number(toBigInt(found))
  if (Math.abs(seconds) > 8.64e12) throw new FunctionError('the timestamp is out of range')
  return { seconds, nanos: 0, zone: 0, utc: true }
}

function local({ seconds, zone }: Stamp): Date {
  return new Date((seconds + zone * 60) * 1000)
}

function zoneText({ zone, utc }: Stamp, colon: string, zulu: boolean): string {
  if (utc && zulu) return 'Z'
  const size = Math.abs(zone)
  return `${zone < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function rfc3339(stamp: Stamp): string {
  const date = local(stamp)
  const fraction = stamp.nanos === 0 ? '' : `.${String(stamp.nanos).padStart(9, '0').replace(/0+$/, '')}`
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  return `${year}${date.toISOString().slice(-20, -5)}${fraction}${zoneText(stamp, ':', true)}`
}

const TOKEN = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g

function formatStamp(pattern: string, stamp: Stamp): string {
  return pattern.replace(TOKEN, (token, literal: string | undefined, letter: string | undefined) => {
    if (literal === '') return "'"
    if (literal !== undefined) return literal.replaceAll("''", "'")
    if (token === "'") throw new FunctionError("unterminated literal ' in the format")
    return letter === undefined ? token : verb(token, stamp)
  })
}

function verb(token: string, stamp: Stamp): string {
  const date = local(stamp)
  const hour = date.getUTCHours()
  const [month, day] = [MONTHS[date.getUTCMonth()]!, DAYS[date.getUTCDay()]!]
  const table: Readonly<Record<string, () => string>> = {
    YYYY: () => String(date.getUTCFullYear()).padStart(4, '0'),
    YY: () => two(date.getUTCFullYear() % 100),
    MMMM: () => month,
    MMM: () => month.slice(0, 3),
    MM: () => two(date.getUTCMonth() + 1),
    M: () => String(date.getUTCMonth() + 1),
    DD: () => two(date.getUTCDate()),
    D: () => String(date.getUTCDate()),
    EEEE: () => day,
    EEE: () => day.slice(0, 3),
    hh: () => two(hour),
    h: () => String(hour),
    HH: () => two(((hour + 11) % 12) + 1),
    H: () => String(((hour + 11) % 12) + 1),
    AA: () => (hour >= 12 ? 'PM' : 'AM'),
    aa: () => (hour >= 12 ? 'pm' : 'am'),
    mm: () => two(date.getUTCMinutes()),
    m: () => String(date.getUTCMinutes()),
    ss: () => two(date.getUTCSeconds()),
    s: () => String(date.getUTCSeconds()),
    ZZZZZ: () => zoneText(stamp, ':', false),
    ZZZZ: () => zoneText(stamp, '', false),
    ZZZ: () => (stamp.utc ? 'UTC' : zoneText(stamp, '', false)),
    Z: () => zoneText(stamp, ':', true),
  }
  const found = Object.hasOwn(table, token) ? table[token] : undefined
  if (!found) throw new FunctionError(`invalid date format verb "${token}"`)
  return found()
}

function nanosOf(duration: string): bigint {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+|0)$/.exec(duration)
  if (!match) throw new FunctionError(`invalid duration "${duration}"`)
  let total = 0n
  for (const [, whole = '', fraction = '', unit] of match[2]!.matchAll(
    /(\d*)\.?(\d*)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g,
  )) {
    const nanos = BigInt(DURATION_UNITS[unit!]!)
    total += BigInt(whole || 0) * nanos + (BigInt(fraction || 0) * nanos) / 10n ** BigInt(fraction.length)
  }
  if (total >= 2n ** 63n) throw new FunctionError(`invalid duration "${duration}"`)
  return match[1] === '-' ? -total : total
}

function timeAdd(given: string, duration: string): string {
  const stamp = parseStamp(given)
  const total = BigInt(stamp.seconds) * 1_000_000_000n + BigInt(stamp.nanos) + nanosOf(duration)
  const nanos = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return rfc3339({ ...stamp, seconds: Number((total - nanos) / 1_000_000_000n), nanos: Number(nanos) }).replace(
    /\.\d+/,
    '',
  )
}

function formatTimestamp(pattern: string, time: Value): string {
  if (time.type.kind !== 'string' && time.type.kind !== 'number')
    throw new FunctionError('must be a string timestamp or a unix timestamp number')
  const stamp = time.type.kind === 'number' ? ofUnix(time) : parseStamp(textOf(time))
  return pattern === 'X' ? String(stamp.seconds) : formatStamp(pattern, stamp)
}

function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date)
  thursday.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7))
  const year = thursday.getUTCFullYear()
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / 86_400_000 / 7) + 1 }
}

function parts(stamp: Stamp): Value {
  const date = local(stamp)
  const { year, week } = isoWeek(date)
  return object([
    ['year', int(date.getUTCFullYear())],
    ['year_day', int(Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1)],
    ['day', int(date.getUTCDate())],
    ['month', int(date.getUTCMonth() + 1)],
    ['month_name', text(MONTHS[date.getUTCMonth()]!)],
    ['weekday', int(date.getUTCDay())],
    ['weekday_name', text(DAYS[date.getUTCDay()]!)],
    ['hour', int(date.getUTCHours())],
    ['minute', int(date.getUTCMinutes())],
    ['second', int(date.getUTCSeconds())],
    ['rfc3339', text(rfc3339(stamp))],
    ['iso_year', int(year)],
    ['iso_week', int(week)],
  ])
}

/** Functions of times. */
export const TIME_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  formatdate: {
    parameters: [parameter('format', STRING), parameter('time', STRING)],
    run: ([pattern, time]) => text(formatStamp(textOf(pattern), parseStamp(textOf(time)))),
  },
  formattimestamp: {
    parameters: [parameter('format', STRING), parameter('time', ANY)],
    run: ([pattern, time]) => text(formatTimestamp(textOf(pattern), time!)),
  },
  timeadd: {
    parameters: [parameter('timestamp', STRING), parameter('duration', STRING)],
    run: ([time, duration]) => text(timeAdd(textOf(time), textOf(duration))),
  },
  timestamp: { parameters: [], run: (_, { now }) => text(`${now.toISOString().slice(0, 19)}Z`) },
  unixtimestampparse: { parameters: [parameter('unix_timestamp', NUMBER)], run: ([time]) => parts(ofUnix(time!)) },
}
