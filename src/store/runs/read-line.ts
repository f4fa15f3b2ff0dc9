import type { RunLine } from './run-types.ts'

type Shape = Readonly<Record<string, Check>>
type Check = (value: unknown) => boolean

const text: Check = (value) => typeof value === 'string'
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const recordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check)
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string)
const shaped =
  (shape: Shape): Check =>
  (value) =>
    isObject(value) && Object.entries(shape).every(([key, check]) => check(value[key]))

const error = maybe(shaped({ code: text, message: text }))

/** What each kind of line holds; the fields of `RunLine`. */
const SHAPES: Readonly<Record<RunLine['type'], Check>> = {
  begin: shaped({
    version: text,
    mark: text,
    cwd: text,
    command: maybe(listOf(text)),
    withheld: maybe(listOf(shaped({ arg: number, name: text, isVariable: (value) => typeof value === 'boolean' }))),
    env: maybe(recordOf(text)),
    needs: maybe(listOf(text)),
    chosen: maybe(listOf(text)),
    metadataFile: maybe(text),
    images: listOf(shaped({ image: text, tags: listOf(text), asked: maybe(recordOf(text)) })),
  }),
  platform: shaped({
    image: text,
    platform: text,
    status: oneOf('planned', 'running', 'done', 'failed', 'skipped'),
    strategy: maybe(text),
    node: maybe(text),
    reason: maybe(text),
    digest: maybe(text),
    seconds: maybe(number),
    steps: maybe(number),
    cached: maybe(number),
    error,
  }),
  ready: shaped({ image: text, publication: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) }),
  output: shaped({ image: text, output: text }),
  tag: shaped({ image: text, ref: text, digest: text }),
  image: shaped({ image: text, status: oneOf('done', 'failed'), digest: maybe(text), error }),
  end: shaped({ status: oneOf('done', 'failed', 'canceled'), error }),
}

/** A line of a journal; undefined for one that is torn, damaged, or of a kind that is not known here. */
export function readLine(line: string): RunLine | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!isObject(value) || !number(value['at']) || typeof value['type'] !== 'string') return undefined
  const type = value['type']
  return Object.hasOwn(SHAPES, type) && SHAPES[type as RunLine['type']](value)
    ? (value as unknown as RunLine)
    : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
