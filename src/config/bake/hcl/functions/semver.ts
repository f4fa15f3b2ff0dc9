import { FunctionError, type LibraryFunction, parameter, textOf } from '../function.ts'
import { STRING } from '../types.ts'
import { bool } from '../value.ts'

interface Version {
  readonly numbers: readonly [number, number, number]
  readonly pre: string
}

/** A version in a constraint, with how many of its parts are given. */
interface Limit {
  readonly operator: string
  readonly version: Version
  readonly given: number
}

const VERSION = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/
const LIMIT =
  /^(=|!=|<>|>=|=>|<=|=<|>|<|~>|~|\^)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/

function parseVersion(value: string): Version {
  const match = VERSION.exec(value)
  if (!match) throw new FunctionError(`"${value}" is not a semantic version`)
  return { numbers: [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)], pre: match[4] ?? '' }
}

function parseLimit(value: string): Limit {
  const match = LIMIT.exec(value)
  if (!match) throw new FunctionError(`improper constraint: ${value}`)
  const [, operator = '', major, minor, patch, pre = ''] = match
  const parts = [major, minor, patch]
  const wild = parts.findIndex((part) => part === undefined || /^[xX*]$/.test(part))
  const given = wild < 0 ? 3 : wild
  const numbers = parts.map((part, at) => (at < given ? Number(part) : 0)) as [number, number, number]
  return { operator, version: { numbers, pre }, given }
}

/** Whether a version satisfies a constraint, by the rules of Masterminds/semver. */
export function satisfies(version: string, constraint: string): boolean {
  const found = parseVersion(version)
  return constraint.split('||').some((group) => {
    const ranges = group.replace(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2').trim()
    const limits = ranges
      .replace(/([=<>~^!]+)\s+/g, '$1')
      .split(/[\s,]+/)
      .filter(Boolean)
    if (limits.length === 0) throw new FunctionError(`improper constraint: ${constraint}`)
    return limits.map(parseLimit).every((limit) => allows(limit, found))
  })
}

function allows({ operator, version, given }: Limit, found: Version): boolean {
  const difference = compare(found, version)
  const sameTo = (count: number) => found.numbers.slice(0, count).every((part, at) => part === version.numbers[at])
  // A version before a release counts only where the constraint has one too
  if (found.pre !== '' && version.pre === '') return operator === '!=' || operator === '<>' ? difference !== 0 : false
  switch (operator) {
    case '!=':
    case '<>':
      return given < 3 ? !sameTo(given) : difference !== 0
    case '>':
      return given === 3 ? difference > 0 : difference > 0 && !sameTo(given)
    case '>=':
    case '=>':
      return difference >= 0
    case '<':
      return difference < 0
    case '<=':
    case '=<':
      return given === 3 ? difference <= 0 : difference < 0 || sameTo(given)
    case '^':
      return difference >= 0 && sameTo(caret(version.numbers, given))
    case '~':
    case '~>':
      return given === 0 || (difference >= 0 && sameTo(Math.min(given, 2)))
    default:
      if (operator === '=' && given === 3) return difference === 0
      return given === 3 ? difference === 0 : difference >= 0 && sameTo(given)
  }
}

// Up to and with the first part that is not 0, as far as parts are given
function caret([major, minor]: readonly number[], given: number): number {
  if (major !== 0 || given <= 1) return Math.min(1, given)
  return minor !== 0 || given === 2 ? 2 : 3
}

function compare(a: Version, b: Version): number {
  for (const at of [0, 1, 2]) if (a.numbers[at] !== b.numbers[at]) return a.numbers[at]! - b.numbers[at]!
  if (a.pre === b.pre) return 0
  if (a.pre === '' || b.pre === '') return a.pre === '' ? 1 : -1
  const [left, right] = [a.pre.split('.'), b.pre.split('.')]
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [x, y] = [left[at], right[at]]
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1
    const [digitsX, digitsY] = [/^\d+$/.test(x), /^\d+$/.test(y)]
    if (digitsX && digitsY && Number(x) !== Number(y)) return Number(x) - Number(y)
    if (digitsX !== digitsY) return digitsX ? -1 : 1
    if (x !== y && !digitsX) return x < y ? -1 : 1
  }
  return 0
}

/** `semvercmp`. */
export const SEMVER_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  semvercmp: {
    parameters: [parameter('version', STRING), parameter('contraint', STRING)],
    run: ([version, constraint]) => bool(satisfies(textOf(version), textOf(constraint))),
  },
}
