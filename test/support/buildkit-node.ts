import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CompleteOptions } from '../../src/config/options.ts'
import { createBuildkitDriver } from '../../src/driver/buildkit/buildkit.ts'
import type { BuildkitOptions } from '../../src/driver/buildkit/daemon.ts'
import type { BuildkitFacts } from '../../src/driver/buildkit/facts.ts'
import { probeBuildkit } from '../../src/driver/buildkit/probe.ts'
import { engineImages } from '../../src/driver/docker/engine-images.ts'
import { openDockerEngine } from '../../src/driver/docker/engine.ts'
import { dockerTransport } from '../../src/driver/docker/transport.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import type { BuildEvent } from '../../src/events.ts'
import type { BuiltImage, BuiltStage } from '../../src/content/built-image.ts'
import type { Driver } from '../../src/driver/driver.ts'
import type { RemoteBuild } from '../../src/driver/remote-build.ts'
import type { Transport } from '../../src/driver/transport.ts'
import { dialUnix } from '../../src/driver/transports/sockets.ts'
import type { ImageJob, Job } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'
import { createCredentials } from '../../src/registry/credentials.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { graphOf } from '../../src/session/requests.ts'

/** A BuildKit daemon as the tests use it. */
export interface BuildkitNode {
  readonly facts: BuildkitFacts
  readonly transport: Transport
  readonly store: Store
  /** Builds in a driver of its own, which is closed afterwards. */
  build(build: TestBuild): Promise<TestResult>
  driver(buildFor: (job: Job) => RemoteBuild, options?: Partial<BuildkitOptions>): Driver
  remote(build: TestBuild): RemoteBuild
  close(): Promise<void>
}

/** A build in few words. */
export interface TestBuild {
  readonly dockerfile: string
  /** Folder of the context; absent: there is none. */
  readonly context?: string | RemoteBuild['context']
  readonly ignore?: readonly string[]
  readonly options?: Partial<CompleteOptions>
  readonly remote?: Partial<RemoteBuild>
  readonly driver?: Partial<BuildkitOptions>
  readonly job?: Job
  readonly signal?: AbortSignal
  readonly stages?: readonly BuiltStage[]
  readonly onEvent?: (event: BuildEvent) => void
}

export interface TestResult {
  readonly image: BuiltImage
  readonly events: readonly BuildEvent[]
  /** What steps printed. */
  readonly lines: readonly string[]
}

/** Connects to the Docker engine at a socket; `tunnel` leaves its own door for sessions aside, as for a buildkitd. */
export async function openBuildkitNode(socket: string, { tunnel = false } = {}): Promise<BuildkitNode> {
  const engine = await openDockerEngine(dialUnix({ kind: 'unix', path: socket }))
  const whole = dockerTransport(engine)
  const transport: Transport = tunnel ? { endpoint: whole.endpoint, control: whole.control, close: whole.close } : whole
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-node-'))
  const store = await openStore(folder)
  const facts = await probeBuildkit(transport, { signal: AbortSignal.timeout(10_000) })
  const images = () => engineImages(engine, { store })

  function remote({ dockerfile, context, ignore = [], options = {}, remote: more = {} }: TestBuild): RemoteBuild {
    const all = { ...DEFAULTS, ...options }
    const parsed = parseDockerfile(dockerfile, { file: 'Dockerfile' }).dockerfile
    return {
      options: all,
      dockerfile: { text: dockerfile, shown: 'Dockerfile' },
      context:
        typeof context === 'string' ? { kind: 'folder', path: context, ignore } : (context ?? { kind: 'nothing' }),
      secret: async () => undefined,
      agent: () => undefined,
      credentials: createCredentials({ env: { HOME: '/nonexistent' }, say: () => {} }),
      store,
      warn: () => undefined,
      graphFor: (buildPlatform) => ({
        dockerfile: parsed,
        graph: graphOf(parsed, all, { target: buildPlatform, buildPlatform }).graph,
      }),
      ...more,
    }
  }

  const driver: BuildkitNode['driver'] = (buildFor, options = {}) =>
    createBuildkitDriver({ transport, facts, buildFor, images, ...options })
  return {
    facts,
    transport,
    store,
    remote,
    driver,
    async build(build) {
      const events: BuildEvent[] = []
      const built = remote(build)
      const one = driver(() => built, build.driver)
      const emit = (event: BuildEvent) => {
        events.push(event)
        build.onEvent?.(event)
      }
      try {
        const image = await one.build(build.job ?? imageJob('linux/amd64'), {
          signal: build.signal ?? new AbortController().signal,
          emit,
          stages: build.stages ?? [],
        })
        return { image, events, lines: events.flatMap((event) => (event.type === 'step.log' ? [event.line] : [])) }
      } finally {
        await one.close()
      }
    },
    async close() {
      await transport.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A job as the planner makes it. */
export function imageJob(platform: string, kind: 'native' | 'emulate' = 'native'): ImageJob {
  const target = parsePlatform(platform)
  const strategy =
    kind === 'native' ? ({ kind, node: 'test' } as const) : ({ kind, node: 'test', emulator: 'qemu' } as const)
  return {
    id: `image ${platform}`,
    kind: 'image',
    stage: '0',
    needs: [],
    platform: target,
    target,
    decision: { strategy, reason: 'it is a test', rejected: [] },
  }
}

/** Options of a build that says nothing. Engines of tests have no network of their own. */
export const DEFAULTS: CompleteOptions = {
  context: '.',
  platforms: [],
  buildArgs: {},
  labels: {},
  annotations: [],
  buildContexts: {},
  tags: [],
  outputs: [],
  push: false,
  noCache: false,
  pull: false,
  progress: 'plain',
  registries: {},
  cacheFrom: [],
  cacheTo: [],
  cwd: '/',
  network: 'host',
}
