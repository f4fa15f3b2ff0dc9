import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { formatPlatform, parsePlatform, platformKey, type Platform } from '../platform.ts'

/**
 * What an annotation is written on. The descriptor of a manifest is that in the index, of an image without one that in
 * an OCI layout's `index.json`, where the descriptor of an index is.
 */
export type AnnotationLevel = 'manifest' | 'index' | 'manifest-descriptor' | 'index-descriptor'

/** One `--annotation`. */
export interface Annotation {
  readonly levels: readonly AnnotationLevel[]
  /** Absent: every platform. */
  readonly platform?: Platform
  readonly key: string
  readonly value: string
}

const LEVELS: ReadonlySet<string> = new Set<AnnotationLevel>([
  'manifest',
  'index',
  'manifest-descriptor',
  'index-descriptor',
])
const HINT = 'Write it like KEY=VALUE, index:KEY=VALUE or manifest[linux/arm64]:KEY=VALUE'

/**
 * Parses `[LEVEL[PLATFORM][,LEVEL...]:]KEY=VALUE` as buildx does; without a level it is the manifest's. Throws
 * BAD_OPTION.
 */
export function parseAnnotation(text: string): Annotation {
  const bad = (state: string, cause?: unknown) =>
    new XbuildError('BAD_OPTION', `Cannot parse annotation "${text.slice(0, 200)}": ${state}`, { hint: HINT, cause })
  const prefix = /^([a-z-]+(?:\[[^\]]*\])?(?:,[a-z-]+(?:\[[^\]]*\])?)*):/.exec(text)
  const rest = prefix ? text.slice(prefix[0].length) : text
  const equals = rest.indexOf('=')
  if (equals < 0) throw bad('it has no "="')
  const key = rest.slice(0, equals)
  if (key === '') throw bad('the key is empty')
  const targets = (prefix?.[1] ?? 'manifest').split(',').map((part) => /^([a-z-]+)(?:\[([^\]]*)\])?$/.exec(part))
  const levels = targets.map((match) => match?.[1] ?? '')
  const unknown = levels.find((level) => !LEVELS.has(level))
  if (unknown !== undefined) throw bad(`unknown level "${unknown}"`)
  const platforms = targets.flatMap((match) => {
    const name = match?.[2]
    if (name === undefined) return []
    const platform = parseOrThrow(name, (cause) => bad(`"${name}" is not a platform`, cause))
    // An index is that of all platforms: buildx passes over one that is named there
    return match![1]!.startsWith('index') ? [] : [platform]
  })
  const [platform] = platforms
  if (platform && platforms.some((other) => platformKey(other) !== platformKey(platform)))
    throw bad('it has two platforms')
  return { levels: levels as AnnotationLevel[], key, value: rest.slice(equals + 1), ...compact({ platform }) }
}

function parseOrThrow(name: string, problem: (cause: unknown) => XbuildError): Platform {
  try {
    return parsePlatform(name)
  } catch (cause) {
    throw problem(cause)
  }
}

/** The annotations of one level, for one platform where the level has one; the last of equal keys wins. */
export function annotationsFor(
  annotations: readonly Annotation[],
  level: AnnotationLevel,
  platform?: Platform,
): Record<string, string> {
  const fitting = annotations.filter(
    (annotation) =>
      annotation.levels.includes(level) &&
      (!annotation.platform || !platform || platformKey(annotation.platform) === platformKey(platform)),
  )
  return Object.fromEntries(fitting.map(({ key, value }) => [key, value]))
}

/**
 * Refuses annotations that would silently go nowhere: an image of one platform has an index only with `hasIndex`.
 * Throws BAD_OPTION.
 */
export function checkAnnotations(
  annotations: readonly Annotation[],
  platforms: readonly Platform[],
  { hasIndex = platforms.length !== 1 }: { readonly hasIndex?: boolean } = {},
): void {
  for (const { levels, platform, key } of annotations) {
    if (!hasIndex && levels.some((level) => level === 'index' || level === 'index-descriptor')) {
      throw new XbuildError(
        'BAD_OPTION',
        `Cannot annotate the index with "${key}": an image of one platform has no index`,
        {
          hint: 'Leave the level out, or build for several platforms',
        },
      )
    }
    if (platform && !platforms.some((built) => platformKey(built) === platformKey(platform))) {
      throw new XbuildError(
        'BAD_OPTION',
        `Cannot annotate "${formatPlatform(platform)}" with "${key}": it is not built`,
        {
          hint: `Name one of ${platforms.map(formatPlatform).join(', ')}`,
        },
      )
    }
  }
}
