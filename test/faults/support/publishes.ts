import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type RegistryReader, registryReader } from '../../support/published-state.ts'
import { seededBy } from '../../support/seeded.ts'
import { type Attempt, attempt, type Kind, type Lane, TAGS } from './attempts.ts'

/** Publishes of several kinds through a proxy that does harm. */
export interface PublishesOptions {
  readonly count: number
  /** Side by side; each has repositories of its own. */
  readonly lanes: number
  readonly seed: number
  /** The registry itself, without the proxy. */
  readonly host: string
  /** An empty folder. */
  readonly folder: string
  /** How things are published, as often as each stands here. */
  readonly kinds: readonly Kind[]
}

/** What they came to. */
export interface PublishesReport {
  readonly done: number
  /** Those that would have taken a platform from a tag, and were refused for that. */
  readonly refused: number
  /** Those that failed, by error code. */
  readonly failed: ReadonlyMap<string, number>
  /** Of those that failed: some of their tags have moved. */
  readonly halfMoved: number
  /** What must not be: empty. */
  readonly wrong: readonly string[]
  /** What the failures said. */
  readonly messages: readonly string[]
  readonly requests: number
  readonly faults: ReadonlyMap<string, number>
}

/** Parts of the requests that go wrong, by lane. */
const RATES = [0.02, 0.05, 0.1, 0.2]
/** No publish may take longer, whatever happens to it. */
const LONGEST = 240_000

/** Publishes small images, and looks after each at what the registry has. */
export async function runPublishes(options: PublishesOptions): Promise<PublishesReport> {
  const { count, lanes, seed, host, folder, kinds } = options
  const rate = (path: string) => RATES[Number(/\/lane(\d+)\//.exec(path)?.[1] ?? 0) % RATES.length]!
  const proxy = await startFaultProxy(host, { seed, rate, stall: 2000 })
  const reader = registryReader(host)
  const totals = {
    done: 0,
    refused: 0,
    halfMoved: 0,
    failed: new Map<string, number>(),
    wrong: [] as string[],
    messages: [] as string[],
  }

  async function runLane(number: number): Promise<void> {
    const lane: Lane = { name: `lane${number}`, host, proxy: proxy.host, folder: join(folder, `lane${number}`) }
    for (let index = number; index < count; index += lanes) {
      const kind = kinds[Math.floor(seededBy(seed, `kind of ${index}`)() * kinds.length)]!
      const found = await runOne(kind, index, lane, reader)
      const label = `${kind} ${index} of ${lane.name}`
      totals.wrong.push(...found.wrong.map((what) => `${label}: ${what}`))
      if (found.code === undefined) totals.done++
      else if (kind === 'drop' && found.code === 'PLATFORM_LOST') totals.refused++
      else totals.failed.set(`${kind} ${found.code}`, (totals.failed.get(`${kind} ${found.code}`) ?? 0) + 1)
      if (found.message !== undefined && found.code !== 'PLATFORM_LOST')
        totals.messages.push(`${label}: ${found.message}`)
      if (found.isHalfMoved) totals.halfMoved++
    }
  }

  try {
    await Promise.all(Array.from({ length: lanes }, (_, number) => runLane(number)))
  } finally {
    await proxy.stop()
  }
  return { ...totals, requests: proxy.requests(), faults: proxy.faults }
}

/** The report in words, for the log of a test run. */
export function publishesText({
  done,
  refused,
  failed,
  halfMoved,
  wrong,
  messages,
  requests,
  faults,
}: PublishesReport): string {
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .toSorted()
      .map(([what, count]) => `${count} ${what}`)
      .join(', ')
  const failures = [...failed.values()].reduce((sum, one) => sum + one, 0)
  return [
    `${done} publishes complete, ${refused} refused since a platform would be lost, ${failures} failed (${list(failed)}), ${halfMoved} of them with some tags moved`,
    `${requests} requests with faults: ${list(faults)}`,
    ...messages.slice(0, 20).map((what) => `  ${what}`),
    ...wrong.map((what) => `WRONG: ${what}`),
  ].join('\n')
}

interface Found {
  readonly code: string | undefined
  readonly message: string | undefined
  readonly isHalfMoved: boolean
  readonly wrong: readonly string[]
}

/** What a failure says when harm of the proxy is its reason. */
const EXPLAINED = /answered (?:401|429|50[0-3])|closed the connection|stopped responding/

/** One publish, and what is there after it. */
async function runOne(kind: Kind, index: number, lane: Lane, reader: RegistryReader): Promise<Found> {
  const repository = `${lane.name}/${kind === 'drop' ? 'push' : kind}`
  const before = await Promise.all(TAGS.map((tag) => reader.tag(repository, tag)))
  const made = await Promise.race([
    attempt(kind, { index, repository, before }, lane),
    delay(LONGEST, { code: 'TIMEOUT', digest: undefined, tags: [] } as Attempt, { ref: false }),
  ])
  const wrong: string[] = []
  const moved: boolean[] = []
  for (const [at, tag] of TAGS.entries()) {
    const now = await reader.tag(repository, tag)
    moved.push(now !== before[at])
    if (now !== undefined) wrong.push(...(await reader.problems(repository, tag)))
    if (made.code === undefined && now !== made.digest) wrong.push(`${tag} is ${now}, not ${made.digest}`)
    if (made.code !== undefined && now !== before[at] && made.digest !== undefined && now !== made.digest)
      wrong.push(`${tag} is ${now}, neither ${before[at]} nor ${made.digest}`)
    const state = made.tags.find((one) => one.ref.endsWith(`/${repository}:${tag}`))?.state
    if (state === 'moved' && now === before[at] && now !== made.digest)
      wrong.push(`${tag} is said to have moved, and has not`)
    if (state === 'not moved' && now !== before[at]) wrong.push(`${tag} is said not to have moved, and has`)
  }
  if (kind === 'drop' && moved.includes(true) && !before.includes(undefined)) wrong.push('a platform was lost')
  if (kind === 'drop' && made.code === undefined && !before.includes(undefined)) wrong.push('it was not refused')
  if (made.code === 'TIMEOUT') wrong.push('it did not end')
  const isRefused = kind === 'drop' && made.code === 'PLATFORM_LOST'
  if (isRefused && moved.includes(true)) wrong.push('it was refused, and a tag has moved')
  // The proxy sends half of an answer, and says that it is all: three times in a row nobody can read it
  const isExplained =
    made.code === 'DIGEST_MISMATCH' ||
    ((made.code === 'AUTH' || made.code === 'REGISTRY') && EXPLAINED.test(made.message ?? ''))
  if (made.code !== undefined && !isRefused && !isExplained) wrong.push(`${made.code}: ${made.message}`)
  return { code: made.code, message: made.message, isHalfMoved: made.code !== undefined && moved.includes(true), wrong }
}
