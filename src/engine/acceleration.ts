import { join } from 'node:path'
import type { AccelMode } from '../config/run-options.ts'
import type { PlatformStarts } from '../content/starts.ts'
import type { Launch } from '../emulation/launch.ts'
import type { Twins } from '../emulation/packs/twins.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { once } from '../host/once.ts'
import type { Platform } from '../platform.ts'
import type { StoreFolder } from '../store/folder.ts'
import { openStep, type AcceleratedStep, type StepFiles } from './accelerated-step.ts'
import { fuseHandlers, ownEmulators } from './fused-handlers.ts'
import { createMadeAhead, type EmulatedStep } from './made-ahead.ts'
import type { PackSets } from './pack-source.ts'

/** Native toolchains for the emulated steps of one build. */
export interface Acceleration {
  readonly mode: AccelMode
  /** The same launch with the handler before each emulator that it can be put before. */
  prepare(launch: Launch): Promise<Launch>
  /**
   * Opens a step; nothing when emulation goes through handlers that are not ours. Without `speculate` no twin is used that
   * may end the attempt.
   */
  open(platform: Platform, files: StepFiles, speculate?: boolean): Promise<AcceleratedStep | undefined>
  /** Begins to make the packs that these steps will need, which are not in the cache. Returns at once. */
  foresee(steps: readonly EmulatedStep[]): void
  /** Keeps what part of the CPU time was native, for the plans of later builds. */
  remember(starts: readonly PlatformStarts[]): Promise<void>
  close(): Promise<void>
}

export interface AccelerationOptions {
  readonly mode: AccelMode
  readonly folder: StoreFolder
  readonly signal: AbortSignal
  readonly emit: Emit
  /** Where packs are fetched before they are made. */
  readonly sets?: PackSets | undefined
}

/** Prepares the acceleration of a build; nothing is loaded, made or asked until a step is emulated. */
export function createAcceleration(options: AccelerationOptions): Acceleration {
  const { mode, folder, signal, emit } = options
  const packs = packsFolder(folder)
  const complain = sayOnce(emit)
  let opened: Promise<Twins> | undefined
  const openTwins = once(() => (opened = loadTwins(options, complain)))
  const ready = new Set<string>()
  let tellPrepared: () => void
  const prepared = new Promise<void>((resolve) => (tellPrepared = resolve))
  const ahead = createMadeAhead({ prepared, isReady: (one) => ready.has(one), openTwins, complain, signal })

  async function prepare(launch: Launch): Promise<Launch> {
    const own = ownEmulators(launch)
    if (own.length === 0) return refuse(mode, 'the build uses the handlers of this machine instead of its own', launch)
    try {
      const fused = await fuseHandlers(own, { folder: packs, signal })
      for (const name of fused.ready) ready.add(name)
      return { ...launch, handlers: fused.handlers }
    } catch (thrown) {
      if (signal.aborted) throw thrown
      return refuse(mode, toXbuildError(thrown).message, launch)
    }
  }

  async function open(platform: Platform, files: StepFiles, speculate = false): Promise<AcceleratedStep | undefined> {
    if (!ready.has(platform.architecture)) return undefined
    try {
      return await openStep(platform, files, { twins: await openTwins(), mode, folder, ahead, complain, speculate })
    } catch (thrown) {
      if (mode === 'require') throw thrown
      complain(`Native toolchains are not used: ${toXbuildError(thrown).message}`)
      return undefined
    }
  }

  return {
    mode,
    prepare: (launch) => prepare(launch).finally(() => tellPrepared()),
    open,
    foresee: ahead.foresee,
    remember: (starts) => rememberShares(packs, starts),
    async close() {
      await (await opened)?.close()
    },
  }
}

function packsFolder({ root }: StoreFolder): string {
  return join(root, 'packs')
}

/** Warns of each thing once. */
function sayOnce(emit: Emit): (message: string) => void {
  const said = new Set<string>()
  return (message) => {
    if (said.has(message)) return
    said.add(message)
    emit({ type: 'warning', message, at: Date.now() })
  }
}

async function loadTwins(
  { folder, signal, emit, sets }: AccelerationOptions,
  complain: (message: string) => void,
): Promise<Twins> {
  const { createTwins } = await import('../emulation/packs/twins.ts')
  const options = { folder: packsFolder(folder), signal, onMake: (what: string) => tellMaking(what, emit) }
  if (!sets || sets.names.length === 0) return createTwins(options)
  const { createPackSource } = await import('./pack-source.ts')
  const fetch = createPackSource(sets, { folder: options.folder, signal, onWarning: complain })
  return createTwins({ ...options, fetch })
}

/** Tells that a pack is made; what it returns is told when it is there. */
function tellMaking(what: string, emit: Emit): (size: number) => void {
  const id = `pack ${what}`
  const name = `native toolchain, made once: ${what}`
  const tell = (current: number, done: boolean) =>
    emit({ type: 'transfer', id, name, current, ...(done ? { done } : {}), at: Date.now() })
  tell(0, false)
  return (size) => tell(size, true)
}

/** The launch as it was, unless twins are required. Throws HOST. */
function refuse(mode: AccelMode, reason: string, launch: Launch): Launch {
  if (mode === 'require' || mode === 'verify')
    throw new XbuildError('HOST', `Cannot use native toolchains: ${reason}`, {
      hint: 'Build without --accel, or with --accel=auto',
    })
  return launch
}

async function rememberShares(packs: string, starts: readonly PlatformStarts[]): Promise<void> {
  const spent = new Map(starts.flatMap(({ platform, cpu }) => (cpu ? [[platform.split('/')[1]!, cpu] as const] : [])))
  if (spent.size === 0) return
  const { addShares } = await import('../emulation/packs/shares.ts')
  await addShares(packs, spent)
}
