const SMALLEST = -(2n ** 63n)
const LARGEST = 2n ** 63n - 1n
const DIGITS = String.raw`\d+(?:_\d+)*`
const REAL = String.raw`[+]?(?:${DIGITS}\.?(?:${DIGITS})?|\.${DIGITS})(?:e[+-]?\d+)?`
const NUMBER = new RegExp(`^-?${REAL}$|^[+-]?0x[0-9a-f]+(?:\\.[0-9a-f]*)?p[+-]?\\d+$`, 'i')
const SIZE = new RegExp(`^${REAL} ?(?:b|[kmgtp](?:i?b)?)?$`, 'i')

/** What is wrong with a text that must be a whole number, as Go's `strconv.Atoi` reads it. */
export function wholeProblem(text: string): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return 'it must be a whole number'
  const value = BigInt(text.replace('+', ''))
  return value < SMALLEST || value > LARGEST ? 'it is out of range' : undefined
}

/** What is wrong with a number of things. */
export function countProblem(text: string): string | undefined {
  return Number(text) < 0 ? 'it must not be negative' : undefined
}

/** What is wrong with a text that must be a number, as Go's `strconv.ParseFloat` reads it. */
export function numberProblem(text: string): string | undefined {
  if (/^[+-]?inf(?:inity)?$|^nan$/i.test(text)) return undefined
  if (!NUMBER.test(text)) return 'it must be a number'
  return Number(text.replaceAll('_', '')) === Number.POSITIVE_INFINITY ? 'it is out of range' : undefined
}

/** The same for a share of the CPU. */
export function percentProblem(text: string): string | undefined {
  const value = Number(text)
  return numberProblem(text) ?? (value >= 0 && value <= 100 ? undefined : 'it must be from 0 to 100')
}

/** What is wrong with a text that must say true or false. */
export function switchProblem(text: string): string | undefined {
  return /^(?:true|false|y|yes|on|n|no|off)$/i.test(text) ? undefined : 'it must be true or false'
}

/** What is wrong with a size such as `128m` or `1.5 GiB`; -1 is no limit. */
export function sizeProblem(text: string): string | undefined {
  return /^[+-]?\d+$/.test(text) || SIZE.test(text) ? undefined : 'it must be a size such as 128m or 1gb'
}

/** The bytes of a size, as docker counts them: a kilobyte has 1024; nothing where it is none, or too large. */
export function bytesOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(.*?) ?([kmgtp])?(?:i?b)?$/is.exec(text) ?? []
  if (digits === undefined || !SIZE.test(text)) return undefined
  const bytes = Math.trunc(Number(digits.replaceAll('_', '')) * 1024 ** ['', ...'kmgtp'].indexOf(unit.toLowerCase()))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** What is wrong with a duration such as `1m30s`; days and weeks count, too. */
export function durationProblem(text: string): string | undefined {
  return /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h|d|w))+)$/.test(text)
    ? undefined
    : 'it must be a duration such as 1m30s'
}

/** What is wrong with a mode of a file. */
export function modeProblem(text: string): string | undefined {
  return /^[+-]?[0-7]+$/.test(text) ? undefined : 'it must be a mode in octal, such as 0440'
}
