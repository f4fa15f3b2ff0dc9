import { compact } from '../compact.ts'
import type { Context } from '../content/context.ts'
import type { FolderSource } from '../content/sources.ts'
import { once } from '../host/once.ts'
import type { Emit } from '../events.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import type { Acceleration } from './acceleration.ts'
import type { BaseImage, EmulatedStep } from './made-ahead.ts'
import type { StepSnapshot } from './execute-copy.ts'
import type { Networks } from './networks.ts'
import { mostProcesses } from './process-limit.ts'
import type { RunParams } from './protocol.ts'
import type { AcceleratedRun, Speculation } from './run-accelerated.ts'
import type { Layers } from './layers.ts'
import type { Runtime } from './runtime.ts'
import { baseImage, saysGo } from './image-vertices.ts'
import { siblingsOf } from './siblings.ts'
import type { MountInput } from './mount-inputs.ts'
import type { StepMounts } from './step-mounts.ts'
import type { RunVertex, Vertex } from './vertex.ts'
import type { Workers } from './workers.ts'

/** What running needs. */
export interface RunEdges {
  readonly store: Store
  readonly layers: Layers
  readonly workers: Workers
  readonly isNative: (platform: Platform) => boolean
  readonly runtime: () => Promise<Runtime>
  readonly mounts: StepMounts
  /** What the step's mounts read from, by their place. */
  readonly inputs: readonly (MountInput | undefined)[]
  readonly networks: Networks
  readonly acceleration?: Acceleration
  readonly speculation?: Speculation | undefined
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Begins what a RUN will need of this machine, while the file system that it starts from is made. */
export function prepareRun(
  vertex: RunVertex,
  edges: Pick<RunEdges, 'workers' | 'isNative' | 'networks' | 'runtime' | 'signal'>,
): void {
  edges.networks.prepare(workerOf(vertex, edges), vertex, edges.signal)
  // Whoever runs it is told what went wrong
  edges.runtime().catch(() => undefined)
}

function workerOf({ platform }: RunVertex, { workers, isNative }: Pick<RunEdges, 'workers' | 'isNative'>) {
  return isNative(platform) ? workers.native() : workers.emulating(platform.architecture)
}

/** What a step will do, for those who prepare it; nothing where there is no image below it. */
export function emulatedStep(
  vertex: RunVertex,
  openFolder: (folder: FolderSource) => Promise<Context>,
): EmulatedStep | undefined {
  const base = baseOf(vertex)
  const script = [vertex.step.argv.join(' '), ...vertex.step.files.map(({ content }) => content)].join('\n')
  const sources = once(async () => (await import('./step-sources.ts')).sourcesBelow(vertex, openFolder))
  return base && { architecture: vertex.platform.architecture, script, base, sources }
}

function baseOf(vertex: Vertex): BaseImage | undefined {
  const image = baseImage(vertex)
  return image && { digest: image.manifest.digest, name: image.name, ownGo: saysGo(image.config) }
}

/** Runs the container of a RUN and makes its snapshot. */
export async function executeRun(vertex: RunVertex, snapshot: StepSnapshot, edges: RunEdges): Promise<AcceleratedRun> {
  const { acceleration, emit, signal } = edges
  const { step, platform } = vertex
  const { hosts, ulimits, resources, shmSize, hostname } = vertex.scope.container
  const emulated = !edges.isNative(platform)
  const [worker, runtime] = await Promise.all([workerOf(vertex, edges), edges.runtime()])
  const network = await edges.networks.of(worker, vertex, signal)
  const speculates = emulated && edges.speculation !== undefined && baseImage(vertex)?.sibling !== undefined
  const opened = await edges.mounts.open(vertex, { inputs: edges.inputs, speculates, signal })
  try {
    const params: RunParams = {
      ...snapshot,
      argv: step.argv,
      env: [...step.env, ...step.secretEnv],
      user: step.user,
      cwd: step.cwd,
      files: step.files,
      emulated,
      runtime: runtime.path,
      isRunc: runtime.isRunc,
      seccomp: runtime.seccomp,
      guardsDevices: runtime.devices,
      mostProcesses: mostProcesses(),
      mounts: opened.mounts,
      hosts,
      ulimits,
      ...compact({ resources, shmSize, hostname }),
      network,
    }
    const onLog = (stream: 'stdout' | 'stderr', line: string) =>
      emit({ type: 'step.log', step: vertex.id, stream, line, at: Date.now() })
    if (!emulated || !acceleration) return await worker.call('run', params, { signal, onLog })
    const { runAccelerated } = await import('./run-accelerated.ts')
    return await runAccelerated(acceleration, {
      ...{ params, platform, worker, signal, onLog },
      base: baseOf(vertex),
      siblings: siblingsOf(vertex, edges),
      speculation: edges.speculation,
    })
  } finally {
    opened.release()
  }
}
