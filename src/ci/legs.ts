import { XbuildError } from '../errors.ts'
import { formatPlatform, parsePlatform, type Platform } from '../platform.ts'

/** The label of a runner, or several that it must have. */
export type RunnerLabel = string | readonly string[]

/** Which runner builds for platforms that begin with a prefix; an empty prefix is all that no other takes. */
export interface RunnerRule {
  /** Like `linux/arm` or `linux/arm64`; whole parts of a platform. */
  readonly prefix: string
  readonly label: RunnerLabel
}

/** A job of a matrix: platforms that one runner builds in one run. */
export interface Leg {
  /** A name that jobs, artifacts and folders may have. */
  readonly leg: string
  /** As `--platform` and `--leg` take them. */
  readonly platforms: string
  readonly runner: RunnerLabel
  /** Which image of several, as `--image` takes it. */
  readonly image?: string
  /** Stages that the first wave builds, as `--neutral` takes them. */
  readonly neutral?: string
}

/** Runners that GitHub gives to public repositories; other platforms are built on the default one, by emulation. */
const DEFAULT_RUNNERS: readonly RunnerRule[] = [
  { prefix: '', label: 'ubuntu-24.04' },
  { prefix: 'linux/arm64', label: 'ubuntu-24.04-arm' },
  { prefix: 'linux/arm', label: 'ubuntu-24.04-arm' },
]

/** GitHub refuses a matrix of more jobs. */
const MOST_LEGS = 256

/**
 * The legs of a build: platforms of one runner in one leg, so that what they share is built once, or each in its own
 * with `perPlatform`. Later rules take precedence over those of the same prefix. Throws BAD_OPTION.
 */
export function planLegs(
  platforms: readonly Platform[],
  { rules = [], perPlatform = false }: { readonly rules?: readonly RunnerRule[]; readonly perPlatform?: boolean },
): Leg[] {
  const groups = new Map<string, { readonly label: RunnerLabel; readonly names: string[] }>()
  for (const name of new Set(platforms.map(formatPlatform))) {
    const label = runnerOf(name, [...DEFAULT_RUNNERS, ...rules])
    const key = perPlatform ? name : JSON.stringify(label)
    const group = groups.get(key) ?? { label, names: [] }
    group.names.push(name)
    groups.set(key, group)
  }
  if (groups.size === 0)
    throw new XbuildError('BAD_OPTION', 'Cannot plan legs: there is no platform', {
      hint: 'Name them with --platform, like --platform linux/amd64,linux/arm64',
    })
  checkNumber(groups.size)
  return [...groups.values()].map(({ label, names }) => ({
    leg: names.map((name) => name.replaceAll('/', '-')).join('_'),
    platforms: names.join(','),
    runner: label,
  }))
}

/** The legs of several images: those of each, with its name. Throws BAD_OPTION. */
export function planImageLegs(
  images: readonly { readonly name: string; readonly platforms: readonly Platform[] }[],
  options: Parameters<typeof planLegs>[1],
): Leg[] {
  const taken = new Set<string>()
  const legs = images.flatMap(({ name, platforms }) =>
    planLegs(platforms, options).map((leg) => {
      const wanted = `${name.replaceAll(/[^\w.-]/g, '-')}_${leg.leg}`
      // Two names may come to the same one
      let own = wanted
      for (let count = 2; taken.has(own); count++) own = `${wanted}_${count}`
      taken.add(own)
      return { ...leg, leg: own, image: name }
    }),
  )
  checkNumber(legs.length)
  return legs
}

/** A build platform that the runner of one leg has, and that runner: the usual ones come first. */
export function firstRunner(
  platforms: readonly Platform[],
  rules: readonly RunnerRule[],
): { readonly platform: Platform; readonly runner: RunnerLabel } {
  const names = platforms.map(formatPlatform)
  const name = ['linux/amd64', 'linux/arm64'].find((one) => names.includes(one)) ?? 'linux/amd64'
  return { platform: parsePlatform(name), runner: runnerOf(name, [...DEFAULT_RUNNERS, ...rules]) }
}

function checkNumber(legs: number): void {
  if (legs > MOST_LEGS)
    throw new XbuildError('BAD_OPTION', `Cannot plan ${legs} legs: a matrix has ${MOST_LEGS} jobs at most`)
}

/** The runner of a platform: the rule with the longest prefix of whole parts. */
function runnerOf(platform: string, rules: readonly RunnerRule[]): RunnerLabel {
  const fitting = rules.filter(({ prefix }) => prefix === '' || `${platform}/`.startsWith(`${prefix}/`))
  return fitting.reduce((best, rule) => (rule.prefix.length >= best.prefix.length ? rule : best)).label
}

/** Reads `PLATFORM=LABEL`, `default=LABEL` and `PLATFORM=[LABEL,LABEL]`. Throws BAD_OPTION. */
export function parseRunner(text: string, label: string): RunnerRule {
  const equals = text.indexOf('=')
  const [prefix, value] = [text.slice(0, equals).trim(), text.slice(equals + 1).trim()]
  const list = /^\[(.*)\]$/.exec(value)?.[1]?.split(',')
  const labels = (list ?? [value]).map((one) => one.trim())
  if (equals < 1 || labels.some((one) => one === '' || /[\p{Cc}[\]]/u.test(one)))
    throw new XbuildError('BAD_OPTION', `Cannot use ${label} "${text}": it is not PLATFORM=LABEL`, {
      hint: 'Write it like linux/riscv64=ubuntu-24.04-riscv, linux/s390x=[self-hosted,s390x] or default=ubuntu-24.04',
    })
  return { prefix: prefix === 'default' ? '' : prefix, label: list ? labels : labels[0]! }
}
