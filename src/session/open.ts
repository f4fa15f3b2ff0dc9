import { resolve } from 'node:path'
import type { BuildOptions } from '../config/options.ts'
import type { BuildEdges } from './types.ts'
import { secretsOf } from '../driver/embedded/build-inputs.ts'
import { createGround, type Ground } from '../driver/embedded/ground.ts'
import { openMainContext, type MainContext } from '../driver/embedded/main-context.ts'
import { findLaunch } from '../emulation/launch.ts'
import { XbuildError } from '../errors.ts'
import { findMachines, type Machines } from './machines.ts'
import type { Node } from '../plan/types.ts'
import { formatPlatform, platformOfNodeArch } from '../platform.ts'
import { createRegistryClient } from '../registry/client.ts'
import type { RegistryClient } from '../registry/types.ts'
import { defaultStoreRoot } from '../store/folder.ts'
import { describeHolders, takeBuildLease, type Lease } from '../store/lease.ts'
import { openStore, type Store } from '../store/store.ts'

/** What every build works with, before anything is known of its Dockerfile. */
export interface Session {
  readonly store: Store
  /** Nothing is removed from the store while it is held. */
  readonly lease: Lease
  readonly ground: Ground
  readonly registry: RegistryClient
  readonly main: MainContext
  /** The machines that take part; found once. */
  machines(): Promise<Machines>
  readonly warn: (message: string) => void
  close(): Promise<void>
}

/**
 * Opens the store, and the context in which the Dockerfile is. `node` is asked for by the first step that is
 * emulated, long after planning.
 */
export async function openSession(
  options: BuildOptions,
  { emit, signal, env, stdin }: BuildEdges,
  node: () => Node | undefined = noSteps,
): Promise<Session> {
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const registry = createRegistryClient({ registries: options.registries, env, onRetry: warn })
  const store = await openStore(
    options.store === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(options.cwd, options.store),
  )
  const lease = await takeBuildLease(store.folder, {
    signal,
    onWait: (others) => warn(`Waiting for ${describeHolders(others)} to end`),
  })
  const launch = once(() =>
    findLaunch(
      env,
      (node()?.emulated ?? []).flatMap((entry) => (entry.status === 'ready' ? [entry.platform.architecture] : [])),
    ),
  )
  const ground = createGround({
    store,
    env,
    emit,
    launch,
    sourceDateEpoch: options.sourceDateEpoch,
    accel: options.accel ?? 'auto',
    signal,
    secret: secretsOf(options, env),
  })
  const machines = once(() => findMachines(options, { env, signal, store }))
  let asked = false
  const close = async (main?: MainContext) => {
    lease.release()
    const found = asked ? await machines().catch(() => undefined) : undefined
    await Promise.allSettled([main?.close(), ground.close(), registry.close(), found?.close()])
  }
  try {
    const platforms = (options.platforms.length > 0 ? options.platforms : [platformOfNodeArch(process.arch)]).map(
      formatPlatform,
    )
    const main = await openMainContext(options, {
      remotes: ground.remotes,
      folder: store.folder,
      stdin,
      platforms,
      signal,
    })
    return {
      store,
      lease,
      ground,
      registry,
      main,
      machines: () => ((asked = true), machines()),
      warn,
      close: () => close(main),
    }
  } catch (error) {
    await close()
    throw error
  }
}

function noSteps(): never {
  throw new XbuildError('INTERNAL', 'Cannot run a step: nothing is built')
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
