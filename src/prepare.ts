import { join } from 'node:path'
import type { BuildOptions } from './config/options.ts'
import { describeOverride, optionsFor, overrideFor, type PlatformOverride } from './config/overrides.ts'
import { checkCacheFilter } from './dockerfile/cache-filter.ts'
import { checkDockerfile } from './dockerfile/checks/check.ts'
import { viewOf, type BaseFacts } from './dockerfile/checks/view.ts'
import { checkFrontend } from './dockerfile/frontend.ts'
import { buildStageGraph } from './dockerfile/graph.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import { contextNamed } from './dockerfile/sources.ts'
import type { Dockerfile, GraphStage, StageGraph } from './dockerfile/types.ts'
import type { DockerfileText, MainContext } from './driver/embedded/main-context.ts'
import type { Emit } from './driver/driver.ts'
import type { OpenedNode, OpenedNodes } from './driver/opened-node.ts'
import type { TargetBuild } from './driver/target.ts'
import { DockerfileError, toXbuildError, XbuildError, type Diagnostic, type SourcePosition } from './errors.ts'
import type { Machines } from './machines.ts'
import { localNode } from './nodes/local.ts'
import { planBuild, type TargetFacts } from './plan/plan.ts'
import type { BuildPlan, Node } from './plan/types.ts'
import { platformOfNodeArch, samePlatform, type Platform } from './platform.ts'
import type { Store } from './store/store.ts'

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

/** Reads the Dockerfiles, makes a graph per platform, looks at the machines and plans. Throws before anything is built. */
export async function prepare(options: BuildOptions, edges: PrepareEdges): Promise<Prepared> {
  const machines = await edges.machines()
  const buildPlatform = await buildPlatformOf(options, machines)
  const targets = await readTargets(options, { ...edges, buildPlatform })
  const wanted = platformsThatRun(targets)
  const [local, { nodes, lost }] = await Promise.all([
    machines.local ? lookHere(wanted, options, edges) : undefined,
    machines.alone ? NO_OTHERS : machines.open(wanted),
  ])
  for (const { name, because } of lost) edges.emit({ type: 'warning', message: `Building without ${name}: ${because}`, at: Date.now() })
  const rank = ({ name }: Node) => machines.names.indexOf(name)
  const all = [...(local ? [local] : []), ...nodes.map(({ node }) => node)].sort((a, b) => rank(a) - rank(b))
  const facts = await Promise.all(targets.map(async (target) => factsOf(target, all.length > 1 ? await edges.last(target) : undefined)))
  const dockerfiles = [...new Set(targets.map(({ file }) => file.shown))].join(', ')
  const plan = planBuild({ dockerfile: dockerfiles, buildPlatform, graphs: graphsFor(targets, all), nodes: all, targets: facts, lost })
  return { targets, nodes, local, all, plan }
}

const NO_OTHERS: OpenedNodes = { local: true, nodes: [], lost: [] }

/** The platform of `FROM --platform=$BUILDPLATFORM`: this machine's; where only others build, that of the first, if it decides what is built. */
async function buildPlatformOf({ platforms }: BuildOptions, { local, open }: Machines): Promise<Platform> {
  const here = platformOfNodeArch(process.arch)
  if (local || platforms.length > 0) return here
  return (await open([])).nodes[0]?.node.native[0] ?? here
}

function lookHere(wanted: readonly Platform[], { accel }: BuildOptions, { env, signal, store }: PrepareEdges): Promise<Node> {
  return localNode({ wanted, env, signal, slots: 8, cacheFile: join(store.folder.records, 'emulators.json'), ...(accel === 'off' ? {} : { packs: join(store.folder.root, 'packs') }) })
}

/** Every target as every node sees it: `$BUILDPLATFORM` is the node's own platform. */
function graphsFor(targets: readonly TargetBuild[], nodes: readonly Node[]): StageGraph[] {
  return targets.flatMap(({ platform, options, dockerfile, graph }) => {
    const other = nodes.flatMap(({ native }) => native.slice(0, 1)).filter((own, i, all) => !samePlatform(own, graph.buildPlatform) && all.findIndex((one) => samePlatform(one, own)) === i)
    return [graph, ...other.map((buildPlatform) => graphOf(dockerfile, options, { target: platform, buildPlatform }).graph)]
  })
}

interface TargetEdges {
  readonly main: MainContext
  readonly buildPlatform: Platform
  readonly emit: Emit
}

/** One for each platform asked for; nothing asked for is this machine's, unless the last stage itself says `FROM --platform=...`. */
async function readTargets(options: BuildOptions, { main, buildPlatform, emit }: TargetEdges): Promise<TargetBuild[]> {
  const parsed = new Map<DockerfileText, Dockerfile>()
  const read = async (platform: Platform) => {
    const own = optionsFor(options, platform)
    const override = overrideFor(options, platform)
    const file = await placed(main.dockerfile(own.file), override?.at?.dockerfile)
    return { platform, own, override, file, dockerfile: parsed.get(file) ?? parse(file, own) }
  }
  const parse = (file: DockerfileText, { buildArgs }: BuildOptions) => {
    const { dockerfile, diagnostics } = parseDockerfile(file.text, { file: file.shown })
    checkFrontend(dockerfile, buildArgs)
    check(diagnostics, emit)
    parsed.set(file, dockerfile)
    return dockerfile
  }
  let wanted = options.platforms
  if (wanted.length === 0) {
    const { own, dockerfile } = await read(buildPlatform)
    wanted = [graphOf(dockerfile, own, { target: buildPlatform, buildPlatform }).graph.stages.at(-1)?.platform ?? buildPlatform]
  }
  const found: Diagnostic[] = []
  const targets: TargetBuild[] = []
  for (const platform of wanted) {
    const { own, override, file, dockerfile } = await read(platform)
    const { graph, diagnostics } = graphOf(dockerfile, own, { target: platform, buildPlatform })
    found.push(...diagnostics.map((one) => blamed(one, override)), ...unusedBases(dockerfile, override), ...checkCacheFilter(dockerfile, own.noCacheFilter ?? []))
    targets.push({ platform, options: own, file, dockerfile, graph, optional: override?.optional === true })
  }
  check(found, emit)
  return targets
}

function graphOf(dockerfile: Dockerfile, { buildArgs, buildContexts, target: targetStage }: BuildOptions, platforms: { readonly target: Platform; readonly buildPlatform: Platform }) {
  const namedContexts = Object.keys(buildContexts)
  const folderContexts = namedContexts.filter((name) => ['dir', 'remote'].includes(buildContexts[name]!.kind))
  return buildStageGraph(dockerfile, { ...platforms, buildArgs, namedContexts, folderContexts, ...(targetStage === undefined ? {} : { targetStage }) })
}

/** An error about what a line of xbuild.yaml names points at that line. */
async function placed<T>(work: Promise<T>, at: SourcePosition | undefined): Promise<T> {
  return work.catch((thrown: unknown) => {
    const error = toXbuildError(thrown)
    if (!at || error.at) throw error
    throw new XbuildError(error.code, error.message, { at, cause: error, ...(error.hint ? { hint: error.hint } : {}) })
  })
}

/** A stage that is not there is the mistake of the line that asks for it. */
function blamed(diagnostic: Diagnostic, override: PlatformOverride | undefined): Diagnostic {
  const at = diagnostic.rule === 'unknown-target' && override?.target !== undefined ? override.at?.target : undefined
  return at ? { ...diagnostic, at } : diagnostic
}

/** Names that no FROM and no --from has: the platform would be built on something else than its line says. */
function unusedBases(dockerfile: Dockerfile, override: PlatformOverride | undefined): Diagnostic[] {
  const at = override?.at?.base
  if (!at || !override.bases) return []
  const words = dockerfile.stages.flatMap(({ name, from, instructions }) => [
    from.image, ...(name === undefined ? [] : [name]), ...instructions.flatMap((one) => ('from' in one && typeof one.from === 'string' ? [one.from] : [])),
  ])
  // A variable may stand for any name, and mounts have one inside
  if (words.some((word) => word.includes('$')) || dockerfile.stages.some(({ instructions }) => instructions.some((one) => one.kind === 'run' && one.mounts.length > 0))) return []
  const unused = Object.keys(override.bases).filter((base) => !words.some((word) => contextNamed(word, [base]) !== undefined))
  return unused.map((base) => ({
    rule: 'unused-base', severity: 'error', message: `Cannot replace the base image "${base}": no FROM in ${dockerfile.file} names it`, at,
    hint: `FROM names ${[...new Set(dockerfile.stages.map(({ from }) => from.image))].join(', ')}`,
  }))
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
  const all = targets.flatMap(({ graph }) => graph.stages.filter(({ stage }) => stage.instructions.some(({ kind }) => kind === 'run')).map(({ platform }) => platform))
  return all.filter((platform, index) => all.findIndex((other) => samePlatform(other, platform)) === index)
}

/** Runs the build checks over every Dockerfile; `baseOf` knows the images that stages start from, as far as anybody does. */
export function lookOver(targets: readonly TargetBuild[], { baseOf, emit }: { readonly baseOf: (target: TargetBuild, stage: GraphStage) => BaseFacts | undefined; readonly emit: Emit }): void {
  for (const file of new Set(targets.map(({ dockerfile }) => dockerfile))) {
    const own = targets.filter(({ dockerfile }) => dockerfile === file)
    const views = own.map((target) => viewOf(target.graph, (stage) => baseOf(target, stage)))
    check(checkDockerfile({ dockerfile: file, views }, { buildArgs: own[0]!.options.buildArgs }), emit)
  }
}

/** Warnings are told; errors end the build, all of them at once. */
export function check(diagnostics: readonly Diagnostic[], emit: Emit): void {
  const seen = new Set<string>()
  const distinct = diagnostics.filter(({ rule, message, at }) => {
    const key = `${rule} ${at.file}:${at.line} ${message}`
    return !seen.has(key) && seen.add(key)
  })
  // The name of a check is what turns it off.
  const told = ({ rule, message }: Diagnostic): string => (/^[A-Z]/.test(rule) ? `${rule}: ${message}` : message)
  const errors = distinct.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new DockerfileError(errors.length > 1 ? errors : errors.map((error) => ({ ...error, message: told(error) })))
  for (const found of distinct) emit({ type: 'warning', message: told(found), source: found.at, at: Date.now() })
}
