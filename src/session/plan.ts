import { compact } from '../compact.ts'
import { suggestionHint } from '../did-you-mean.ts'
import { XbuildError } from '../errors.ts'
import { join } from 'node:path'
import { describeOverride, overrideFor } from '../config/overrides.ts'
import { createLimit } from '../content/limit.ts'
import type { StageGraph } from '../dockerfile/types.ts'
import type { Emit } from '../events.ts'
import type { OpenedNode, OpenedNodes } from '../driver/opened-node.ts'
import type { TargetBuild } from '../driver/target.ts'
import type { Machines } from './machines.ts'
import { localNode } from '../nodes/local.ts'
import { planImages } from '../plan/images.ts'
import { planBuild, type TargetFacts } from '../plan/plan.ts'
import { sameTarget } from '../plan/target-id.ts'
import type { BuildPlan, Node } from '../plan/types.ts'
import { distinctPlatforms, type Platform, platformOfNodeArch, samePlatform } from '../platform.ts'
import type { Session } from './open.ts'
import { graphOf, parseOnce, readTargets, type ReadRequest } from './requests.ts'
import type { Results } from './results.ts'
import type { SessionRequest } from './types.ts'

/** Everything before the first step runs: read, understood, planned. */
export interface Prepared {
  /** What the jobs of the plan build. */
  readonly targets: readonly TargetBuild[]
  /** The same for platforms that only another image reads an image for. */
  readonly support: readonly TargetBuild[]
  /** In the order in which they are preferred. */
  readonly nodes: readonly OpenedNode[]
  /** This machine, when it takes part. */
  readonly local: Node | undefined
  /** This machine, when it takes part or tests images. */
  readonly tester: Node | undefined
  /** The machines as the plan knows them. */
  readonly all: readonly Node[]
  readonly plan: BuildPlan
}

/** What preparing is given beside the session. */
export interface PrepareEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** The node that built a target last time. */
  readonly last: (target: TargetBuild) => Promise<string | undefined>
}

/**
 * Reads the Dockerfiles, makes a graph per target, looks at the machines and plans. Throws before anything is built;
 * of several images one that cannot be read or placed has its error in `results`.
 */
export async function prepare(session: Session, results: Results, edges: PrepareEdges): Promise<Prepared> {
  const { requests } = session
  const machines = await session.machines()
  const buildPlatform = await buildPlatformOf(requests, machines)
  const { targets, support } = await readAll(session, results, { ...edges, buildPlatform, machines })
  const wanted = platformsThatRun([...targets, ...support])
  const tested = targets.filter(({ options }) => (options.test ?? []).length > 0).map(({ platform }) => platform)
  const platforms = distinctPlatforms([...wanted, ...tested])
  const asked = machines.local || tested.length > 0 ? askThisMachine(platforms, session, edges) : undefined
  const here = machines.local ? asked : undefined
  const [tester, { nodes, lost }] = await Promise.all([
    asked,
    machines.alone ? NO_OTHERS : machines.open(platforms, here),
  ])
  const local = machines.local ? tester : undefined
  session.planned(tester)
  for (const { name, because } of lost)
    edges.emit({ type: 'warning', message: `Building without ${name}: ${because}`, at: Date.now() })
  const rank = ({ name }: Node) => machines.names.indexOf(name)
  const all = [...(local ? [local] : []), ...nodes.map(({ node }) => node)].sort((a, b) => rank(a) - rank(b))
  const inputs = await Promise.all(
    requests.map(async ({ image }) => {
      const own = targets.filter((target) => target.image === image)
      const last = async (target: TargetBuild) => (all.length > 1 ? edges.last(target) : undefined)
      return {
        dockerfile: [...new Set(own.map(({ file }) => file.shown))].join(', '),
        buildPlatform,
        graphs: graphsFor(own, all),
        nodes: all.filter(({ name }) => machines.of(image).names.includes(name)),
        targets: await Promise.all(own.map(async (target) => factsOf(target, await last(target)))),
      }
    }),
  )
  if (requests.every(({ image }) => image === undefined))
    return { targets, support, nodes, local, tester, all, plan: planBuild({ ...inputs[0]!, lost }) }
  const failed = new Map(results.all().flatMap(({ name, error }) => (results.isGoing(name) ? [] : [[name, error!]])))
  const images = requests.map(({ image }, index) => {
    const [name, error] = [image!, failed.get(image!)]
    return error ? { name, error } : { name, ...inputs[index]! }
  })
  const { plan, errors } = planImages({ buildPlatform, images, lost })
  for (const [name, error] of errors) results.fail(name, error)
  return { targets: targets.filter(({ image }) => results.isGoing(image)), support, nodes, local, tester, all, plan }
}

/** The plan without the jobs of images that have failed meanwhile, but for those that others are made from. */
export function goingOf(plan: BuildPlan, { isGoing }: Pick<Results, 'isGoing'>): BuildPlan {
  const wanted = new Set<string>()
  for (const job of plan.jobs.toReversed())
    if (isGoing(job.image) || wanted.has(job.id)) for (const id of [job.id, ...job.needs]) wanted.add(id)
  return { ...plan, jobs: plan.jobs.filter(({ id }) => wanted.has(id)) }
}

/** What is planned of one image. */
export function plannedOf(plan: BuildPlan, image: string | undefined): Pick<BuildPlan, 'platforms' | 'unplaced'> {
  return plan.images?.find(({ name }) => name === image) ?? plan
}

/** Contexts and Dockerfiles that are opened at a time. */
const READ_AT_A_TIME = 8

/** Reads every request, and the images that others are made from for the platforms that those need. */
async function readAll(
  session: Session,
  results: Results,
  edges: { readonly buildPlatform: Platform; readonly machines: Machines; readonly emit: Emit },
): Promise<Pick<Prepared, 'targets' | 'support'>> {
  const read = new Map<string | undefined, ReadRequest>()
  const parse = parseOnce()
  // Side by side: what is read one after the other below is mostly waited for
  const limit = createLimit(READ_AT_A_TIME)
  for (const request of session.requests)
    limit(async () => (await session.contextOf(request)).dockerfile(request.options.file)).catch(() => undefined)
  await results.each(async (request) => {
    const { image } = request
    const main = await session.contextOf(request)
    read.set(
      image,
      await readTargets(request.options, { ...edges, main, image, parse, here: edges.machines.of(image).local }),
    )
  })
  const targets = [...read.values()].flatMap((one) => one.targets)
  const support: TargetBuild[] = []
  for (const target of targets) {
    const pending = [target]
    for (let next = pending.pop(); next; next = pending.pop()) {
      try {
        for (const need of next.needs) {
          const isIt = (one: TargetBuild) => sameTarget(one, need)
          if (targets.some(isIt) || support.some(isIt) || !results.isGoing(need.image)) continue
          const other = read.get(need.image)
          if (!other)
            throw new XbuildError(
              'BAD_OPTION',
              `Cannot use "target:${need.image}" as the context "${need.context}": no image of that name is built`,
              {
                hint: suggestionHint(
                  need.image,
                  [...read.keys()].flatMap((name) => name ?? []),
                ),
              },
            )
          const found = await other.more(need.platform)
          support.push(found)
          pending.push(found)
        }
      } catch (thrown) {
        results.fail(target.image, thrown)
      }
    }
  }
  return { targets, support }
}

const NO_OTHERS: OpenedNodes = { local: true, nodes: [], lost: [] }

/**
 * The platform of `FROM --platform=$BUILDPLATFORM`: this machine's; where only others build, that of the first, if it
 * decides what is built.
 */
async function buildPlatformOf(requests: readonly SessionRequest[], { local, open }: Machines): Promise<Platform> {
  const here = platformOfNodeArch(process.arch)
  if (local || requests.every(({ options }) => options.platforms.length > 0)) return here
  return (await open([])).nodes[0]?.node.native[0] ?? here
}

function askThisMachine(
  wanted: readonly Platform[],
  { options: { accel }, store }: Session,
  { env, signal }: PrepareEdges,
): Promise<Node> {
  return localNode({
    wanted,
    env,
    signal,
    slots: 8,
    cacheFile: join(store.folder.records, 'emulators.json'),
    ...(accel === 'off' ? {} : { packs: join(store.folder.root, 'packs'), speculate: accel === 'speculate' }),
  })
}

/** Every target as every node sees it: `$BUILDPLATFORM` is the node's own platform. */
function graphsFor(targets: readonly TargetBuild[], nodes: readonly Node[]): StageGraph[] {
  return targets.flatMap(({ platform, options, dockerfile, graph }) => {
    const other = distinctPlatforms(nodes.flatMap(({ native }) => native.slice(0, 1))).filter(
      (own) => !samePlatform(own, graph.buildPlatform),
    )
    return [
      graph,
      ...other.map((buildPlatform) => graphOf(dockerfile, options, { target: platform, buildPlatform }).graph),
    ]
  })
}

function factsOf({ platform, options, file, needs, optional }: TargetBuild, last: string | undefined): TargetFacts {
  const override = overrideFor(options, platform)
  return {
    platform,
    // Stages of different files, or on different images, are different work however alike they look
    variant: JSON.stringify([file.shown, Object.entries(override?.bases ?? {}).sort()]),
    overrides: override ? describeOverride(override) : [],
    ...compact({ timeout: options.timeout }),
    optional,
    ...compact({ last }),
    ...(needs.length > 0 ? { needs } : {}),
  }
}

/** Platforms on which a RUN is to be executed: the only ones that need an emulator. */
function platformsThatRun(targets: readonly TargetBuild[]): Platform[] {
  const all = targets.flatMap(({ graph }) =>
    graph.stages
      .filter(({ stage }) => stage.instructions.some(({ kind }) => kind === 'run'))
      .map(({ platform }) => platform),
  )
  return distinctPlatforms(all)
}
