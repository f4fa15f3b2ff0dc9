import { RE2JS } from 're2js'
import { spendCharacters, spendItems, spendStep } from '../budget.ts'
import { FunctionError, type LibraryFunction, parameter, textOf, type World } from '../function.ts'
import { STRING, type Type } from '../types.ts'
import { list, nullOf, object, text, tuple, type Value } from '../value.ts'

type Groups = (string | null)[]

const PATTERN = parameter('pattern', STRING)
const STR = parameter('string', STRING)

// The machine takes a step for each character and state; it cannot run away, but it can be slow
function compiled(pattern: string, subject: string, { budget }: World): RE2JS {
  spendStep(budget, Math.ceil((pattern.length * subject.length) / 16))
  if (pattern.length > 10_000) throw new FunctionError('the pattern is too long')
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new FunctionError(`invalid regexp pattern: ${(cause as Error).message}`, { cause })
  }
}

interface Match {
  readonly start: number
  readonly end: number
  readonly groups: Groups
}

function matches(regex: RE2JS, subject: string, budget: World['budget'], limit = Number.POSITIVE_INFINITY): Match[] {
  const matcher = regex.matcher(subject)
  const found: Match[] = []
  let last = -1
  while (found.length < limit && matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()]
    // Go leaves out an empty match right after another one
    if (start === end && start === last) continue
    last = end
    spendItems(budget, 1)
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? null)
    found.push({ start, end, groups })
  }
  return found
}

// No groups: the text. Named groups: an object. Other groups: a tuple
function captured(regex: RE2JS, { groups }: Match): Value {
  const names = namesOf(regex)
  const [whole, ...rest] = groups
  if (rest.length === 0) return text(whole ?? '')
  const values = rest.map((group) => (group === null ? nullOf(STRING) : text(group)))
  if (names.size === 0) return tuple(values)
  if (names.size !== rest.length)
    throw new FunctionError('cannot mix named and unnamed capture groups in a regex pattern')
  return object([...names].map(([name, group]) => [name, values[group - 1]!] as const))
}

function namesOf(regex: RE2JS): Map<string, number> {
  return new Map(Object.entries(regex.namedGroups()))
}

function resultType(regex: RE2JS): Type {
  const names = namesOf(regex)
  const count = regex.groupCount()
  if (count === 0) return STRING
  if (names.size === 0) return { kind: 'tuple', elements: Array.from({ length: count }, () => STRING) }
  return { kind: 'object', attributes: new Map([...names.keys()].map((name) => [name, STRING])) }
}

// Go's Expand: $1, ${1}, $name, ${name} and $$
function expand(template: string, { groups }: Match, names: ReadonlyMap<string, number>): string {
  return template.replace(
    /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (whole, braced?: string, bare?: string) => {
      const name = braced ?? bare
      if (name === undefined) return whole === '$$' ? '$' : whole
      const index = /^(?:0|[1-9]\d*)$/.test(name) ? Number(name) : names.get(name)
      return (index === undefined ? undefined : groups[index]) ?? ''
    },
  )
}

/** Functions of regular expressions: RE2's syntax, with no run that takes more than linear time. */
export const REGEX_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  regex: {
    parameters: [PATTERN, STR],
    run: ([pattern, subject], world) => {
      const regex = compiled(textOf(pattern), textOf(subject), world)
      const [first] = matches(regex, textOf(subject), world.budget, 1)
      if (!first) throw new FunctionError('pattern did not match any part of the given string')
      return captured(regex, first)
    },
  },
  regexall: {
    parameters: [PATTERN, STR],
    run: ([pattern, subject], world) => {
      const regex = compiled(textOf(pattern), textOf(subject), world)
      return list(
        resultType(regex),
        matches(regex, textOf(subject), world.budget).map((match) => captured(regex, match)),
      )
    },
  },
  regex_replace: {
    parameters: [parameter('str', STRING), PATTERN, parameter('replace', STRING)],
    run: ([value, pattern, by], world) => {
      const subject = textOf(value)
      const regex = compiled(textOf(pattern), subject, world)
      const names = namesOf(regex)
      let [result, end] = ['', 0]
      for (const match of matches(regex, subject, world.budget)) {
        const made = expand(textOf(by), match, names)
        spendCharacters(world.budget, made.length)
        result += subject.slice(end, match.start) + made
        end = match.end
      }
      return text(result + subject.slice(end))
    },
  },
}
