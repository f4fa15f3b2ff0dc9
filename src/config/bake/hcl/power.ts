/** `x` to the power of `y`, with the roundings of Go's `math.Pow`. */
export function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1
  if (y === 1) return x
  if (y === 0.5) return Math.sqrt(x)
  if (y === -0.5) return 1 / Math.sqrt(x)
  let whole = Math.trunc(Math.abs(y))
  let rest = Math.abs(y) - whole
  if (x === 0 || !Number.isFinite(x) || !Number.isFinite(y) || (x < 0 && rest !== 0) || whole >= 2 ** 53) return x ** y
  let fraction = 1
  let exponent = 0
  if (rest !== 0) {
    if (rest > 0.5) {
      rest -= 1
      whole += 1
    }
    fraction = Math.exp(rest * Math.log(x))
  }
  let [base, size] = split(x)
  for (let left = whole; left !== 0; left = Math.floor(left / 2)) {
    if (size < -4096 || size > 4096) {
      exponent += size
      break
    }
    if (left % 2 === 1) {
      fraction *= base
      exponent += size
    }
    base *= base
    size *= 2
    if (base < 0.5) {
      base += base
      size -= 1
    }
  }
  return y < 0 ? scaled(1 / fraction, -exponent) : scaled(fraction, exponent)
}

/** A number as a fraction from 0.5 up to 1 and a power of two. */
function split(x: number): [fraction: number, exponent: number] {
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(x))) + 1)
  let fraction = scaled(x, -exponent)
  for (; Math.abs(fraction) < 0.5; exponent -= 1) fraction *= 2
  for (; Math.abs(fraction) >= 1; exponent += 1) fraction /= 2
  return [fraction, exponent]
}

function scaled(fraction: number, exponent: number): number {
  const half = Math.trunc(exponent / 2)
  return fraction * 2 ** half * 2 ** (exponent - half)
}
