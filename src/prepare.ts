import { join } from 'node:path'
import type { BuildOptions } from './config/options.ts'
import type { MainContext } from './driver/embedded/main-context.ts'
import type { Emit } from './driver/driver.ts'
import { checkFrontend } from './dockerfile/frontend.ts'
import { buildStageGraph } from './dockerfile/graph.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import type { Dockerfile, StageGraph } from './dockerfile/types.ts'
import { DockerfileError, type Diagnostic } from './errors.ts'
import { localNode } from './nodes/local.ts'
import { planBuild } from './plan/plan.ts'
import type { BuildPlan, Node } from './plan/types.ts'
import { platformOfNodeArch, samePlatform, type Platform } from './platform.ts'
import type { Store } from './store/store.ts'

/** Everything before the first step runs: read, understood, planned. */
export interface Prepared {
  readonly dockerfile: Dockerfile
  readonly graphs: readonly StageGraph[]
  readonly node: Node
  readonly plan: BuildPlan
}

/** What preparing is given beside the options. */
export interface PrepareEdges {
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly store: Store
  readonly main: MainContext
}

/** Reads the Dockerfile, makes a graph per platform, looks at this machine and plans. Throws before anything is built. */
export async function prepare(options: BuildOptions, { emit, signal, env, store, main }: PrepareEdges): Promise<Prepared> {
  const file = main.dockerfile
  const parsed = parseDockerfile(file.text, { file: file.shown })
  checkFrontend(parsed.dockerfile, options.buildArgs)
  check(parsed.diagnostics, emit)
  const buildPlatform = platformOfNodeArch(process.arch)
  const namedContexts = Object.keys(options.buildContexts)
  const folderContexts = namedContexts.filter((name) => ['dir', 'remote'].includes(options.buildContexts[name]!.kind))
  const graphFor = (target: Platform) => buildStageGraph(parsed.dockerfile, {
    target, buildPlatform, buildArgs: options.buildArgs, namedContexts, folderContexts, ...(options.target === undefined ? {} : { targetStage: options.target }),
  })
  // Nothing asked for: the platform of this machine, unless the last stage itself says `FROM --platform=...`
  const targets = options.platforms.length > 0 ? options.platforms : [graphFor(buildPlatform).graph.stages.at(-1)?.platform ?? buildPlatform]
  const graphs = targets.map(graphFor)
  check(graphs.flatMap(({ diagnostics }) => diagnostics), emit)
  const node = await localNode({
    wanted: platformsThatRun(graphs.map(({ graph }) => graph)), env, signal, slots: 8, cacheFile: join(store.folder.records, 'emulators.json'),
  })
  return {
    dockerfile: parsed.dockerfile,
    graphs: graphs.map(({ graph }) => graph),
    node,
    plan: planBuild({ dockerfile: file.shown, buildPlatform, graphs: graphs.map(({ graph }) => graph), nodes: [node] }),
  }
}

/** Platforms on which a RUN is to be executed: the only ones that need an emulator. */
function platformsThatRun(graphs: readonly StageGraph[]): Platform[] {
  const all = graphs.flatMap((graph) => graph.stages.filter(({ stage }) => stage.instructions.some(({ kind }) => kind === 'run')).map(({ platform }) => platform))
  return all.filter((platform, index) => all.findIndex((other) => samePlatform(other, platform)) === index)
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
