import { join } from 'node:path'
import type { BuildOptions } from '../config/options.ts'
import { describeOverride, overrideFor } from '../config/overrides.ts'
import { checkDockerfile } from '../dockerfile/checks/check.ts'
import { viewOf, type BaseFacts } from '../dockerfile/checks/view.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import type { MainContext } from '../driver/embedded/main-context.ts'
import type { Emit } from '../driver/driver.ts'
import type { OpenedNode, OpenedNodes } from '../driver/opened-node.ts'
import type { TargetBuild } from '../driver/target.ts'
import type { Machines } from './machines.ts'
import { localNode } from '../nodes/local.ts'
import { planBuild, type TargetFacts } from '../plan/plan.ts'
import type { BuildPlan, Node } from '../plan/types.ts'
import { platformOfNodeArch, samePlatform, type Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import { check, graphOf, readTargets } from './requests.ts'

/** Everything before the first step runs: read, understood, planned. */
export interface Prepared {
  readonly targets: readonly TargetBuild[]
  /** In the order in which they are preferred. */
  readonly nodes: readonly OpenedNode[]
  /** This machine, when it takes part. */
  readonly local: Node | undefined
  /** The machines as the plan knows them. */
  readonly all: readonly Node[]
  readonly plan: BuildPlan
}

/** What preparing is given beside the options. */
export interface PrepareEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly store: Store
  readonly main: MainContext
  readonly machines: () => Promise<Machines>
  /** The node that built a platform last time. */
  readonly last: (target: TargetBuild) => Promise<string | undefined>
}

/**
 * Reads the Dockerfiles, makes a graph per platform, looks at the machines and plans. Throws before anything is
 * built.
 */
export async function prepare(options: BuildOptions, edges: PrepareEdges): Promise<Prepared> {
  const machines = await edges.machines()
  const buildPlatform = await buildPlatformOf(options, machines)
  const targets = await readTargets(options, { ...edges, buildPlatform, here: machines.local })
  const wanted = platformsThatRun(targets)
  const [local, { nodes, lost }] = await Promise.all([
    machines.local ? askThisMachine(wanted, options, edges) : undefined,
    machines.alone ? NO_OTHERS : machines.open(wanted),
  ])
  for (const { name, because } of lost)
    edges.emit({ type: 'warning', message: `Building without ${name}: ${because}`, at: Date.now() })
  const rank = ({ name }: Node) => machines.names.indexOf(name)
  const all = [...(local ? [local] : []), ...nodes.map(({ node }) => node)].sort((a, b) => rank(a) - rank(b))
  const facts = await Promise.all(
    targets.map(async (target) => factsOf(target, all.length > 1 ? await edges.last(target) : undefined)),
  )
  const dockerfiles = [...new Set(targets.map(({ file }) => file.shown))].join(', ')
  const plan = planBuild({
    dockerfile: dockerfiles,
    buildPlatform,
    graphs: graphsFor(targets, all),
    nodes: all,
    targets: facts,
    lost,
  })
  return { targets, nodes, local, all, plan }
}

const NO_OTHERS: OpenedNodes = { local: true, nodes: [], lost: [] }

/**
 * The platform of `FROM --platform=$BUILDPLATFORM`: this machine's; where only others build, that of the first, if it
 * decides what is built.
 */
async function buildPlatformOf({ platforms }: BuildOptions, { local, open }: Machines): Promise<Platform> {
  const here = platformOfNodeArch(process.arch)
  if (local || platforms.length > 0) return here
  return (await open([])).nodes[0]?.node.native[0] ?? here
}

function askThisMachine(
  wanted: readonly Platform[],
  { accel }: BuildOptions,
  { env, signal, store }: PrepareEdges,
): Promise<Node> {
  return localNode({
    wanted,
    env,
    signal,
    slots: 8,
    cacheFile: join(store.folder.records, 'emulators.json'),
    ...(accel === 'off' ? {} : { packs: join(store.folder.root, 'packs') }),
  })
}

/** Every target as every node sees it: `$BUILDPLATFORM` is the node's own platform. */
function graphsFor(targets: readonly TargetBuild[], nodes: readonly Node[]): StageGraph[] {
  return targets.flatMap(({ platform, options, dockerfile, graph }) => {
    const other = nodes
      .flatMap(({ native }) => native.slice(0, 1))
      .filter(
        (own, i, all) =>
          !samePlatform(own, graph.buildPlatform) && all.findIndex((one) => samePlatform(one, own)) === i,
      )
    return [
      graph,
      ...other.map((buildPlatform) => graphOf(dockerfile, options, { target: platform, buildPlatform }).graph),
    ]
  })
}

function factsOf({ platform, options, file, optional }: TargetBuild, last: string | undefined): TargetFacts {
  const override = overrideFor(options, platform)
  return {
    platform,
    // Stages of different files, or on different images, are different work however alike they look
    variant: JSON.stringify([file.shown, Object.entries(override?.bases ?? {}).sort()]),
    overrides: override ? describeOverride(override) : [],
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    optional,
    ...(last === undefined ? {} : { last }),
  }
}

/** Platforms on which a RUN is to be executed: the only ones that need an emulator. */
function platformsThatRun(targets: readonly TargetBuild[]): Platform[] {
  const all = targets.flatMap(({ graph }) =>
    graph.stages
      .filter(({ stage }) => stage.instructions.some(({ kind }) => kind === 'run'))
      .map(({ platform }) => platform),
  )
  return all.filter((platform, index) => all.findIndex((other) => samePlatform(other, platform)) === index)
}

/**
 * Runs the build checks over every Dockerfile; `baseOf` knows the images that stages start from, as far as anybody
 * does.
 */
export function runChecks(
  targets: readonly TargetBuild[],
  {
    baseOf,
    emit,
  }: { readonly baseOf: (target: TargetBuild, stage: GraphStage) => BaseFacts | undefined; readonly emit: Emit },
): void {
  for (const file of new Set(targets.map(({ dockerfile }) => dockerfile))) {
    if (file.frontend) continue
    const own = targets.filter(({ dockerfile }) => dockerfile === file)
    const views = own.map((target) => viewOf(target.graph, (stage) => baseOf(target, stage)))
    check(checkDockerfile({ dockerfile: file, views }, { buildArgs: own[0]!.options.buildArgs }), emit)
  }
}
