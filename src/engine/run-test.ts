import type { BuiltImage } from '../content/built-image.ts'
import { builtLayers } from '../content/built-layers.ts'
import { chainOf } from '../content/layer-chain.ts'
import { testArgv } from '../content/test-command.ts'
import type { Emit } from '../events.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { ContainerOptions } from './container-options.ts'
import { executeRun } from './execute-run.ts'
import { newSnapshotId } from './layers.ts'
import type { Networks } from './networks.ts'
import type { Runtime } from './runtime.ts'
import type { EngineServices } from './services.ts'
import type { RunVertex } from './vertex.ts'

/** What commands in finished images are run with. */
export interface TestEdges {
  readonly services: EngineServices
  readonly isNative: (platform: Platform) => boolean
  readonly runtime: () => Promise<Runtime>
  readonly networks: Networks
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** One command in the image of one platform. */
export interface ImageTest {
  /** The step of events. */
  readonly step: string
  readonly image: BuiltImage
  readonly platform: Platform
  readonly command: string
  readonly container: ContainerOptions
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** No Dockerfile has the step. */
const NOWHERE = { file: '--test', line: 1 }

/**
 * Runs a command in a finished image as a RUN of it would be: its user, folder, environment and shell, the same sandbox,
 * no secrets. What the command changes is thrown away. Throws RUN_FAILED, EMULATOR, HOST.
 */
export async function runTest(test: ImageTest, edges: TestEdges): Promise<void> {
  const { services, signal } = edges
  const { layers, store, workers, acceleration } = services
  const chain = test.image.chain ?? chainOf(await builtLayers(test.image, store))
  const lowers = await layers.unpacked(chain, signal)
  const id = newSnapshotId()
  const vertex = vertexOf(test)
  try {
    await executeRun(
      vertex,
      { id, lowers },
      {
        ...edges,
        ...{ store, layers, workers },
        inputs: [],
        mounts: { inputs: async () => [], open: async () => ({ mounts: [], release: () => {} }) },
        ...(acceleration ? { acceleration } : {}),
      },
    )
  } finally {
    // Those of root are owned by whom its worker says, so it removes them, too
    const worker = await workers.native()
    await worker.call('remove', { ids: [id] }, { signal: new AbortController().signal }).catch(() => undefined)
  }
}

function vertexOf({ step, image, platform, command, container }: ImageTest): RunVertex {
  const { Env = [], User = '', WorkingDir } = image.config.config ?? {}
  return {
    kind: 'run',
    id: step,
    parent: { kind: 'scratch', id: 'scratch' },
    shown: { name: command, platforms: new Set([formatPlatform(platform)]), images: new Set() },
    platform,
    mounted: [],
    scope: {
      container,
      inputs: {
        secret: async () => undefined,
        agent: () => undefined,
        sourceOf: () => null,
        close: async () => undefined,
      },
    },
    step: {
      kind: 'run',
      argv: testArgv(command, image.config),
      env: Env.some((variable) => variable.startsWith('PATH=')) ? Env : [...Env, PATH],
      secretEnv: [],
      user: User,
      cwd: WorkingDir || '/',
      files: [],
      mounts: [],
      network: 'default',
      at: NOWHERE,
      text: command,
      history: { created_by: command },
    },
  }
}
