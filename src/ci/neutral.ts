import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { XbuildError } from '../errors.ts'
import { formatPlatform, parsePlatform, samePlatform, type Platform } from '../platform.ts'

/** Stages that one runner builds for all, and the platform that they are built on. */
export interface Neutral {
  readonly platform: Platform
  readonly stages: readonly string[]
}

/**
 * The stages that no target platform tells apart: they run on the build platform of all graphs, and what is made for
 * the targets takes files of them, and no programs. The graphs are those of each target, for one build platform.
 */
export function neutralStages(graphs: readonly StageGraph[]): string[] {
  const [first, ...others] = graphs
  if (!first || others.length === 0) return []
  const neutral = new Map(sameWork(first, others).map((stage) => [stage.index, stage]))
  const readers = readersOf(graphs)
  const outside = (index: number) => readers.get(index)?.filter(({ stage }) => !neutral.has(stage.index)) ?? []
  const isTaken = ({ index, name, needs }: GraphStage) => {
    const own = outside(index)
    const isNamed = own.length === 0 || name !== undefined
    return isNamed && needs.every((need) => neutral.has(need)) && own.every((one) => takesFiles(one, index))
  }
  // A stage that has to be built on each runner takes what it is made from with it, and what is made from that
  const pending = [...neutral.keys()]
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    const stage = neutral.get(index)
    if (!stage || isTaken(stage)) continue
    neutral.delete(index)
    pending.push(...stage.needs, ...(readers.get(index) ?? []).map((one) => one.stage.index))
  }
  const running = new Set<number>()
  return [...neutral.values()].flatMap(({ index, name, needs, stage }) => {
    // A stage needs earlier ones alone
    if (stage.instructions.some(({ kind }) => kind === 'run') || needs.some((need) => running.has(need)))
      running.add(index)
    return running.has(index) && outside(index).length > 0 ? name! : []
  })
}

/** The stages of the build platform that are the same work in all graphs, in the order of the file. */
function sameWork(first: StageGraph, others: readonly StageGraph[]): GraphStage[] {
  const prints = others.map(({ stages }) => new Map(stages.map(({ index, fingerprint }) => [index, fingerprint])))
  return first.stages.filter(
    ({ index, platform, fingerprint }) =>
      samePlatform(platform, first.buildPlatform) &&
      [first, ...others].every(({ targetStage }) => targetStage !== index) &&
      prints.every((print) => print.get(index) === fingerprint),
  )
}

interface Reader {
  readonly stage: GraphStage
  readonly graph: StageGraph
}

function readersOf(graphs: readonly StageGraph[]): ReadonlyMap<number, readonly Reader[]> {
  const readers = new Map<number, Reader[]>()
  for (const graph of graphs)
    for (const stage of graph.stages)
      for (const need of stage.needs) {
        const known = readers.get(need)
        if (known) known.push({ stage, graph })
        else readers.set(need, [{ stage, graph }])
      }
  return readers
}

/** A stage of the build platform that is told apart, such as one that cross-compiles, runs what it takes. */
function takesFiles({ stage, graph: { target, buildPlatform } }: Reader, index: number): boolean {
  const isBase = stage.base.kind === 'stage' && stage.base.index === index
  return !isBase && (samePlatform(target, buildPlatform) || !samePlatform(stage.platform, buildPlatform))
}

/** `linux/amd64=assets,deps` */
export function formatNeutral({ platform, stages }: Neutral): string {
  return `${formatPlatform(platform)}=${stages.join(',')}`
}

/** Reads the same. Throws BAD_OPTION or BAD_PLATFORM. */
export function parseNeutral(text: string, label: string): Neutral {
  const [, platform = '', list = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  const stages = list.split(',').map((one) => one.trim())
  if (platform === '' || !stages.every((one) => /^[a-z][a-z0-9-_.]*$/i.test(one)))
    throw new XbuildError('BAD_OPTION', `Cannot use ${label} "${text}": it is not PLATFORM=STAGE[,STAGE]`, {
      hint: 'Write what xbuild ci plan --waves gave, like linux/amd64=assets',
    })
  return { platform: parsePlatform(platform), stages }
}
