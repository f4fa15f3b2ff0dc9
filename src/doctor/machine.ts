import { createRuntimeFinder, type Runtime } from '../engine/runtime.ts'
import { createWorkers, type Workers } from '../engine/workers.ts'
import { ARCHITECTURES } from '../emulation/architectures.ts'
import type { Environment } from '../emulation/emulators.ts'
import { findLaunch, type Launch, type LaunchFacts } from '../emulation/launch.ts'
import { platformOfNodeArch } from '../platform.ts'
import type { Store } from '../store/store.ts'

/** This machine as checks see it. What one of them has found out is there for the others. */
export interface Machine {
  readonly env: Environment
  readonly uid: number
  readonly signal: AbortSignal
  readonly store: Store
  /** GOARCH of the CPU. */
  readonly own: string
  readonly workers: Workers
  readonly launch: () => Promise<Launch & { readonly facts: LaunchFacts }>
  /** Throws HOST when none works. */
  readonly runtime: () => Promise<Runtime>
  close(): Promise<void>
}

/** Prepares looking at this machine: starts nothing yet. */
export function openMachine({
  env,
  store,
  signal,
}: {
  readonly env: Environment
  readonly store: Store
  readonly signal: AbortSignal
}): Machine {
  const uid = process.geteuid?.() ?? 0
  const own = platformOfNodeArch(process.arch).architecture
  let found: ReturnType<Machine['launch']> | undefined
  const launch = () =>
    (found ??= findLaunch(
      env,
      ARCHITECTURES.map(({ name }) => name).filter((name) => name !== own),
    ))
  const workers = createWorkers({ folder: store.folder, env, uid, launch, onWarning: () => undefined })
  const runtime = createRuntimeFinder({ store, workers, uid, signal, onWarning: () => undefined })
  return { env, uid, signal, store, own, workers, launch, runtime, close: () => workers.close() }
}
