import { join } from 'node:path'
import { firstRunner, type Leg, type RunnerRule } from '../../ci/legs.ts'
import { formatNeutral, type Neutral } from '../../ci/neutral.ts'
import type { CacheSource, CacheTarget } from '../../config/cache.ts'
import type { CompleteOptions } from '../../config/options.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import { runBuild } from '../build.ts'
import type { Terminal } from '../terminal.ts'
import { withSignals } from '../signals.ts'

interface Wave {
  readonly platforms: readonly Platform[]
  readonly rules: readonly RunnerRule[]
  readonly options: CompleteOptions
}

/** A matrix, as a workflow takes it. */
interface Matrix {
  readonly include: readonly Leg[]
}

/** The matrices of two waves: one job builds the stages that are the same for all platforms, if there are any. */
export async function wavesOf(
  legs: readonly Leg[],
  { platforms, rules, options }: Wave,
  terminal: Terminal,
): Promise<{ readonly first: Matrix; readonly legs: Matrix }> {
  const { platform, runner } = firstRunner(platforms, rules)
  const stages = legs.length > 1 ? await neutralIn({ ...options, platforms }, platform, terminal) : []
  if (stages.length === 0) return { first: { include: [] }, legs: { include: legs } }
  const neutral = formatNeutral({ platform, stages })
  const name = formatPlatform(platform)
  return {
    first: { include: [{ leg: `neutral_${name.replaceAll('/', '-')}`, platforms: name, runner, neutral }] },
    legs: { include: legs.map((leg) => ({ ...leg, neutral })) },
  }
}

function neutralIn(options: CompleteOptions, platform: Platform, terminal: Terminal): Promise<readonly string[]> {
  const { env, stdout, stderr } = terminal
  return withSignals(terminal, {
    onStop: () => undefined,
    work: async (signal) => {
      const { neutralOf } = await import('../../session/neutral.ts')
      const emit = (event: { type: string; message?: string }) =>
        event.type === 'warning' ? void stderr.write(`warning: ${event.message}\n`) : undefined
      return neutralOf(options, platform, { emit, signal, env, stdout, stdin: () => terminal.stdin })
    },
  })
}

/** Builds the stages of a first wave, one after the other: each has a part of the caches to itself. */
export async function buildNeutral(
  options: CompleteOptions,
  { platform, stages }: Neutral,
  terminal: Terminal,
): Promise<number> {
  for (const target of stages) {
    const cacheTo = options.cacheTo.map((cache) => partOf(cache, target))
    const own = { ...options, platforms: [platform], target, cacheTo }
    const code = await runBuild(withParts(own, { platform, stages }), terminal)
    if (code !== 0) return code
  }
  return 0
}

/** A build that takes such stages from its caches. */
export function withParts(options: CompleteOptions, neutral: Neutral): CompleteOptions {
  const parts = options.cacheFrom.flatMap((cache) => neutral.stages.map((stage) => partOf(cache, stage)))
  return { ...options, pinned: neutral, cacheFrom: [...options.cacheFrom, ...parts] }
}

/** The part of a cache that is a stage's. */
function partOf<T extends CacheSource | CacheTarget>(cache: T, stage: string): T {
  if (cache.type === 'registry') return { ...cache, ref: partOfReference(cache.ref, stage) }
  if (cache.type === 'gha') return { ...cache, scope: `${cache.scope ?? 'neutral'}-${stage}` }
  if (cache.type === 'inline') return cache
  return 'dest' in cache ? { ...cache, dest: join(cache.dest, stage) } : { ...cache, src: join(cache.src, stage) }
}

function partOfReference(ref: string, stage: string): string {
  const [plain] = ref.split('@')
  return /:[^/]*$/.test(plain!) ? `${plain}-${stage}` : `${plain}:${stage}`
}
