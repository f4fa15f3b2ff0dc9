/**
 * A number of HCL: `mantissa * 2 ** exponent`, with the count of bits that it is kept to, as in HashiCorp's
 * implementation. 0.1 + 0.2 is 0.3 there, and integers are exact up to 512 bits.
 */
export interface Num {
  readonly mantissa: bigint
  readonly exponent: number
  readonly bits: number
  /** A zero that is written "-0". */
  readonly minusZero?: true
}

/** Bits of a number that a file or a text spells out. */
const FULL_BITS = 512

// Beyond it a decimal form is thousands of digits long: only a hostile file goes there
const MAX_EXPONENT = 4096

/** What a number cannot do; the evaluator adds the place. */
export class NumberError extends Error {}

/** A number with at most so many bits, rounded to the nearest even one. */
export function round(mantissa: bigint, exponent: number, bits: number): Num {
  if (mantissa === 0n) return { mantissa: 0n, exponent: 0, bits }
  const negative = mantissa < 0n
  let size = negative ? -mantissa : mantissa
  let power = exponent
  const extra = bitLength(size) - bits
  if (extra > 0) {
    const shift = BigInt(extra)
    const rest = size & ((1n << shift) - 1n)
    const half = 1n << (shift - 1n)
    size >>= shift
    power += extra
    if (rest > half || (rest === half && (size & 1n) === 1n)) size += 1n
  }
  const zeros = trailingZeros(size)
  size >>= BigInt(zeros)
  power += zeros
  if (power > MAX_EXPONENT || power < -MAX_EXPONENT) throw new NumberError('the number is out of range')
  return { mantissa: negative ? -size : size, exponent: power, bits }
}

function zero(bits: number, negative: boolean): Num {
  return { mantissa: 0n, exponent: 0, bits, ...(negative ? { minusZero: true } : {}) }
}

function isNegative(a: Num): boolean {
  return a.mantissa < 0n || a.minusZero === true
}

/** A whole number. */
export function ofInt(value: number | bigint): Num {
  const mantissa = BigInt(value)
  return round(mantissa, 0, Math.max(64, bitLength(mantissa < 0n ? -mantissa : mantissa)))
}

/** A double, kept to its 53 bits. */
export function ofDouble(value: number): Num {
  if (!Number.isFinite(value)) throw new NumberError('the result is not a finite number')
  if (value === 0) return zero(53, Object.is(value, -0))
  let exponent = 0
  let mantissa = value
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    exponent -= 1
  }
  return round(BigInt(mantissa), exponent, 53)
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/

/** A number from its decimal form, or undefined when the text is not one. */
export function parseNum(text: string, bits: number = FULL_BITS): Num | undefined {
  const match = DECIMAL.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', power = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const scale = Number(power) - fraction.length
  if (whole.length + fraction.length > 2000 || Math.abs(scale) > 1200)
    throw new NumberError('the number is out of range')
  const digits = BigInt(whole + fraction)
  const signed = sign === '-' ? -digits : digits
  if (digits === 0n) return zero(bits, sign === '-')
  if (scale >= 0) return round(signed * 10n ** BigInt(scale), 0, bits)
  return quotient(signed, 10n ** BigInt(-scale), 0, bits)
}

/** The sum of two numbers. */
export function add(a: Num, b: Num): Num {
  const bits = Math.max(a.bits, b.bits)
  if (a.minusZero && b.minusZero) return zero(bits, true)
  const exponent = Math.min(a.exponent, b.exponent)
  return round(raise(a, exponent) + raise(b, exponent), exponent, bits)
}

/** The number with the other sign. */
export function negate(a: Num): Num {
  return a.mantissa === 0n ? zero(a.bits, !a.minusZero) : { ...a, mantissa: -a.mantissa }
}

/** The product, exact as far as 512 bits go. */
export function multiply(a: Num, b: Num): Num {
  if (a.mantissa === 0n || b.mantissa === 0n) return zero(Math.max(a.bits, b.bits), isNegative(a) !== isNegative(b))
  const full = round(a.mantissa * b.mantissa, a.exponent + b.exponent, FULL_BITS)
  const size = full.mantissa < 0n ? -full.mantissa : full.mantissa
  return { ...full, bits: Math.max(a.bits, b.bits, bitLength(size)) }
}

/** The quotient. */
export function divide(a: Num, b: Num): Num {
  if (b.mantissa === 0n) throw new NumberError('division by zero')
  if (a.mantissa === 0n) return zero(Math.max(a.bits, b.bits), isNegative(a) !== isNegative(b))
  return quotient(a.mantissa, b.mantissa, a.exponent - b.exponent, Math.max(a.bits, b.bits))
}

/** What a division leaves, with the sign of the dividend. */
export function modulo(a: Num, b: Num): Num {
  if (b.mantissa === 0n) throw new NumberError('division by zero')
  const bits = Math.max(a.bits, b.bits)
  if (a.minusZero) return zero(bits, b.mantissa > 0n)
  // As HashiCorp's implementation: what a whole number of times leaves, each step rounded to the bits of the dividend
  const times = round(toBigInt(divide(a, b)), 0, a.bits)
  const taken = round(times.mantissa * b.mantissa, times.exponent + b.exponent, a.bits)
  const exponent = Math.min(a.exponent, taken.exponent)
  return round(raise(a, exponent) - raise(taken, exponent), exponent, a.bits)
}

/** Negative, zero or positive, as the first is less, equal or greater. */
export function compare(a: Num, b: Num): number {
  const exponent = Math.min(a.exponent, b.exponent)
  const difference = raise(a, exponent) - raise(b, exponent)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Whether the number is whole. */
export function isInt(a: Num): boolean {
  return a.exponent >= 0
}

/** The whole number, which `isInt` has found it to be, or the one before it towards zero. */
export function toBigInt(a: Num): bigint {
  if (a.exponent >= 0) return a.mantissa << BigInt(a.exponent)
  const shift = BigInt(-a.exponent)
  return a.mantissa < 0n ? -(-a.mantissa >> shift) : a.mantissa >> shift
}

/** The nearest double. */
export function toDouble(a: Num): number {
  return Number(toText(a))
}

/** The shortest decimal form that means this number, never with an exponent. */
export function toText(a: Num): string {
  if (a.minusZero) return '-0'
  const size = a.mantissa < 0n ? -a.mantissa : a.mantissa
  if (a.exponent >= 0 && bitLength(size) + a.exponent <= a.bits) return toBigInt(a).toString()
  // One bit more than the number has: the neighbours half a step away
  const shift = a.bits + 1 - bitLength(size)
  const middle = size << BigInt(shift)
  const exponent = a.exponent - shift
  const even = (middle & 2n) === 0n
  return (a.mantissa < 0n ? '-' : '') + shortest(middle, exponent, even)
}

function shortest(middle: bigint, exponent: number, inclusive: boolean): string {
  const scale = -exponent // below 0: the number is larger than its bits can tell in full
  const width = decimals(middle + 1n, scale).length
  const digits = decimals(middle, scale).padStart(width, '0')
  const lower = decimals(middle - 1n, scale).padStart(width, '0')
  const upper = decimals(middle + 1n, scale).padStart(width, '0')
  const lowerEnd = lower.replace(/0+$/, '').length
  const upperEnd = upper.replace(/0+$/, '').length
  for (let index = 0; index < width; index++) {
    const [l = '', m = '', u = ''] = [lower[index], digits[index], upper[index]]
    const down = l !== m || (inclusive && index + 1 === lowerEnd)
    const up = m !== u && (inclusive || Number(m) + 1 < Number(u) || index + 1 < upperEnd)
    if (!down && !up) continue
    const kept = BigInt(digits.slice(0, index + 1))
    const next = digits[index + 1] ?? '0'
    const rest = digits.slice(index + 2)
    const nearestUp = next > '5' || (next === '5' && (/[1-9]/.test(rest) || Number(m) % 2 === 1))
    const rounded = down && up ? kept + (nearestUp ? 1n : 0n) : down ? kept : kept + 1n
    return point(rounded * 10n ** BigInt(width - index - 1), Math.max(0, scale))
  }
  return point(BigInt(digits), Math.max(0, scale))
}

// size * 2 ** -scale, times 10 ** scale: an integer
function decimals(size: bigint, scale: number): string {
  return scale < 0 ? (size << BigInt(-scale)).toString() : (size * 5n ** BigInt(scale)).toString()
}

function point(value: bigint, scale: number): string {
  const text = value.toString().padStart(scale + 1, '0')
  const whole = text.slice(0, text.length - scale)
  const fraction = text.slice(text.length - scale).replace(/0+$/, '')
  return fraction === '' ? whole : `${whole}.${fraction}`
}

function quotient(a: bigint, b: bigint, exponent: number, bits: number): Num {
  const negative = a < 0n !== b < 0n
  const [above, below] = [a < 0n ? -a : a, b < 0n ? -b : b]
  const shift = Math.max(0, bits + 2 - (bitLength(above) - bitLength(below)))
  const shifted = above << BigInt(shift)
  const whole = (shifted / below) * 2n + (shifted % below === 0n ? 0n : 1n)
  return round(negative ? -whole : whole, exponent - shift - 1, bits)
}

function raise(a: Num, exponent: number): bigint {
  return a.mantissa << BigInt(a.exponent - exponent)
}

function bitLength(size: bigint): number {
  return size === 0n ? 0 : size.toString(2).length
}

function trailingZeros(size: bigint): number {
  if (size === 0n) return 0
  const text = size.toString(2)
  return text.length - 1 - text.lastIndexOf('1')
}
