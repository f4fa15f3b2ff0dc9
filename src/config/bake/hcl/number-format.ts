import type { Num } from './number.ts'
import { toText } from './number.ts'

/** The digits of a number without its sign: 0.`digits` times ten to the power of `point`. */
interface Decimal {
  readonly digits: string
  readonly point: number
}

/** A number as Go's `%e`, `%f` and `%g` write it, without its sign; no precision: as many digits as tell it apart. */
export function formatReal(form: 'e' | 'f' | 'g', value: Num, precision: number | undefined): string {
  if (form === 'f') {
    const places = precision ?? 6
    const exact = exactly(value)
    const rounded = round(exact, exact.point + places)
    return fixed(rounded, places)
  }
  if (form === 'e') return scientific(round(exactly(value), (precision ?? 6) + 1), precision ?? 6)
  return general(value, precision)
}

/** The shortest form of `%v`: with an exponent from a million on. */
export function formatShortest(value: Num): string {
  return (value.mantissa < 0n || value.minusZero ? '-' : '') + general(value, undefined)
}

function general(value: Num, precision: number | undefined): string {
  const count = precision === undefined ? undefined : Math.max(precision, 1)
  const found = count === undefined ? shortest(value) : round(exactly(value), count)
  const shown = found.digits.replace(/0+$/, '')
  // With fewer digits than asked for, and a whole number, the digits that are there count
  const most =
    count === undefined ? 6 : count > shown.length && shown.length >= found.point ? Math.max(shown.length, 1) : count
  const power = shown === '' ? 0 : found.point - 1
  if (power < -4 || power >= most) return scientific({ ...found, digits: shown }, Math.max(shown.length - 1, 0))
  return fixed({ ...found, digits: shown }, Math.max(shown.length - found.point, 0))
}

function exactly({ mantissa, exponent }: Num): Decimal {
  const size = mantissa < 0n ? -mantissa : mantissa
  if (size === 0n) return { digits: '', point: 0 }
  if (exponent >= 0) return decimal((size << BigInt(exponent)).toString(), 0)
  return decimal((size * 5n ** BigInt(-exponent)).toString(), -exponent)
}

function shortest(value: Num): Decimal {
  const [whole = '', fraction = ''] = toText(value).replace('-', '').split('.')
  return decimal(whole + fraction, fraction.length)
}

function decimal(text: string, places: number): Decimal {
  const digits = text.replace(/^0+/, '')
  return { digits, point: digits === '' ? 0 : digits.length - places }
}

/** Half is rounded to the even digit. */
function round({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point }
  if (count < 0) return { digits: '', point: 0 }
  const kept = BigInt(digits.slice(0, count) || '0')
  const rest = digits.slice(count)
  const isHalf = /^50*$/.test(rest)
  const isUp = isHalf ? count > 0 && kept % 2n === 1n : rest >= '5'
  const made = (kept + (isUp ? 1n : 0n)).toString().padStart(count, '0')
  if (/^0*$/.test(made)) return { digits: '', point: 0 }
  return { digits: made, point: point + made.length - count }
}

function fixed({ digits, point }: Decimal, places: number): string {
  const all = point > 0 ? digits.padEnd(point, '0') : '0'.repeat(1 - point) + digits
  const whole = point > 0 ? point : 1
  const fraction = all.slice(whole, whole + places).padEnd(places, '0')
  return all.slice(0, whole) + (places > 0 ? `.${fraction}` : '')
}

function scientific({ digits, point }: Decimal, places: number): string {
  const power = digits === '' ? 0 : point - 1
  const fraction = digits.slice(1, 1 + places).padEnd(places, '0')
  const size = String(Math.abs(power)).padStart(2, '0')
  return `${digits[0] ?? '0'}${places > 0 ? `.${fraction}` : ''}e${power < 0 ? '-' : '+'}${size}`
}
