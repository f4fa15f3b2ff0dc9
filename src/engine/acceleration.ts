import { compact } from '../compact.ts'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AccelMode } from '../config/run-options.ts'
import { binfmtRegistration, ARCHITECTURES } from '../emulation/architectures.ts'
import type { Launch } from '../emulation/launch.ts'
import type { Distribution } from '../emulation/packs/os-release.ts'
import type { StepSibling } from '../emulation/packs/sibling/step-sibling.ts'
import type { Twins } from '../emulation/packs/twins.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { once } from '../host/once.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { StoreFolder } from '../store/folder.ts'
import type { Emit } from '../events.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { PlatformStarts, ProgramStarts } from '../content/starts.ts'
import { createMadeAhead, type BaseImage, type EmulatedStep } from './made-ahead.ts'
import { listenForQuestions, type Question } from './questions.ts'
import type { PackSets } from './pack-source.ts'
import type { RunParams } from './protocol.ts'
import { showPacks } from './shown-packs.ts'
import { readStarts } from './starts.ts'
import { cleanReason, makeStartsFile, makeStepFolder } from './step-folder.ts'

export type { UsedPack }

/** A step in which twins may be started. */
export interface AcceleratedStep {
  /** What the container is shown. */
  readonly accel: NonNullable<RunParams['accel']>
  /** Packs that programs of the step were run from until now. */
  used(): readonly UsedPack[]
  /** What programs of the step were started until now. */
  starts(): readonly ProgramStarts[]
  /** Aborted with the reason when a twin is required and there is none. */
  readonly refused: AbortSignal
  /** Aborted with the reason when what the step did cannot be used: a twin could not answer as its program would. */
  readonly ended: AbortSignal
  /** Programs of it may have been run by twins that speculate. */
  speculated(): boolean
  close(): void
}

/** `readFile` reads from the step's file system. */
export interface StepFiles {
  readonly base: BaseImage | undefined
  /** Of the images that the step is made from. */
  readonly siblings: readonly StepSibling[]
  readonly readFile: (path: string) => Promise<string | undefined>
}

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
export function createAcceleration({ mode, folder, signal, emit, sets }: AccelerationOptions): Acceleration {
  const packs = join(folder.root, 'packs')
  const ready = new Set<string>()
  const said = new Set<string>()
  let twins: Promise<Twins> | undefined
  let tellPrepared: () => void
  const prepared = new Promise<void>((resolve) => (tellPrepared = resolve))
  const ahead = createMadeAhead({
    prepared,
    isReady: (one) => ready.has(one),
    openTwins: () => openTwins(),
    complain,
    signal,
  })

  const openTwins = () =>
    (twins ??= import('../emulation/packs/twins.ts').then(async ({ createTwins }) => {
      const options = { folder: packs, signal, onMake: tellMaking }
      if (!sets || sets.names.length === 0) return createTwins(options)
      const { createPackSource } = await import('./pack-source.ts')
      return createTwins({ ...options, fetch: createPackSource(sets, { folder: packs, signal, onWarning: complain }) })
    }))

  function complain(message: string): void {
    if (said.has(message)) return
    said.add(message)
    emit({ type: 'warning', message, at: Date.now() })
  }

  function tellMaking(what: string): (size: number) => void {
    const id = `pack ${what}`
    const tell = (current: number, done: boolean) =>
      emit({
        type: 'transfer',
        id,
        name: `native toolchain, made once: ${what}`,
        current,
        ...(done ? { done } : {}),
        at: Date.now(),
      })
    tell(0, false)
    return (size) => tell(size, true)
  }

  function prepare(launch: Launch): Promise<Launch> {
    return prepareLaunch(launch).finally(() => tellPrepared())
  }

  async function prepareLaunch(launch: Launch): Promise<Launch> {
    const own = Object.entries(launch.runners).flatMap(([name, runner]) =>
      runner.via === 'private' ? [[name, runner] as const] : [],
    )
    if (own.length === 0) return refuse('the build uses the handlers of this machine instead of its own', launch)
    try {
      const [{ fusedEmulator }, { PACK_TARGETS }] = await Promise.all([
        import('../emulation/packs/fused-emulator.ts'),
        import('../emulation/packs/targets.ts'),
      ])
      const handlers: string[] = []
      for (const [name, { emulator }] of own) {
        const able = PACK_TARGETS[name] !== undefined
        const path = able ? await fusedEmulator(emulator, { folder: packs, signal }) : emulator.path
        handlers.push(binfmtRegistration(ARCHITECTURES.find((one) => one.name === name)!, path))
        if (able) ready.add(name)
      }
      return { ...launch, handlers }
    } catch (thrown) {
      ready.clear()
      if (signal.aborted) throw thrown
      return refuse(toXbuildError(thrown).message, launch)
    }
  }

  function refuse(reason: string, launch: Launch): Launch {
    if (mode === 'require' || mode === 'verify') {
      throw new XbuildError('HOST', `Cannot use native toolchains: ${reason}`, {
        hint: 'Build without --accel, or with --accel=auto',
      })
    }
    return launch
  }

  async function open(
    platform: Platform,
    { base, siblings, readFile }: StepFiles,
    speculate = false,
  ): Promise<AcceleratedStep | undefined> {
    const { architecture } = platform
    if (!ready.has(architecture)) return undefined
    try {
      const found = await openTwins()
      const step = makeStepFolder(folder, await found.names(architecture, speculate))
      const shown = showPacks(folder)
      const starts = makeStartsFile(step)
      const refused = new AbortController()
      const ended = new AbortController()
      const used = new Map<string, UsedPack>()
      const osRelease = once(
        async () => (await readFile('/etc/os-release')) ?? (await readFile('/usr/lib/os-release')) ?? '',
      )
      const distribution = once(async (): Promise<Distribution | undefined> => {
        const { parseOsRelease } = await import('../emulation/packs/os-release.ts')
        return parseOsRelease(await osRelease())
      })
      if (base) await ahead.tellWhyNone(base.digest, platform, osRelease)
      // It is in place before the first program asks: what is made ahead is not made twice
      const from = ahead.expects() && base ? await distribution().catch(() => undefined) : undefined
      if (from && base) await ahead.begin({ digest: base.digest, distribution: from })
      const answer = async ({ id, path }: Question): Promise<string | undefined> => {
        const twin = await found.find(
          { id, path, architecture },
          { distribution, siblings, wait: mode === 'require' || mode === 'verify', speculate },
        )
        if (!twin) return undefined
        if ('stranger' in twin) return ''
        if ('reason' in twin) {
          const message = `${path} runs emulated on ${formatPlatform(platform)}: ${twin.reason}`
          if (mode === 'require' && !twin.minor && !twin.never) refused.abort(message)
          else if (mode === 'require' || mode === 'verify' || !twin.minor || twin.outdated) complain(message)
          return ''
        }
        const { namedPack, rulesText } = await import('../emulation/packs/pack.ts')
        await shown.add(twin.pack)
        const sibling = twin.pack.manifest.sibling?.manifest
        used.set(twin.pack.digest, {
          platform: formatPlatform(platform),
          ...namedPack(twin.pack),
          ...compact({ sibling, speculated: twin.pack.manifest.speculative }),
        })
        return rulesText(twin.pack, id)
      }
      const server = await listenForQuestions(
        step,
        answer,
        (error) => {
          const message = `A program for ${formatPlatform(platform)} runs emulated: its native toolchain cannot be passed to it: ${toXbuildError(error).message}`
          if (mode === 'require') refused.abort(message)
          else complain(message)
        },
        // Any program of a step may say so, and only an attempt can be thrown away
        ...(speculate ? [(reason: string) => ended.abort(cleanReason(reason))] : []),
      )
      return {
        accel: { packs: shown.folder, step, starts },
        used: () => [...used.values()],
        starts: () => readStarts(starts),
        refused: refused.signal,
        ended: ended.signal,
        speculated: () => [...used.values()].some((pack) => pack.speculated),
        close() {
          server.close()
          rmSync(dirname(step), { recursive: true, force: true })
          shown.close()
        },
      }
    } catch (thrown) {
      if (mode === 'require') throw thrown
      complain(`Native toolchains are not used: ${toXbuildError(thrown).message}`)
      return undefined
    }
  }

  return {
    mode,
    prepare,
    open,
    foresee: ahead.foresee,
    async remember(starts) {
      const spent = new Map(
        starts.flatMap(({ platform, cpu }) => (cpu ? [[platform.split('/')[1]!, cpu] as const] : [])),
      )
      if (spent.size === 0) return
      const { addShares } = await import('../emulation/packs/shares.ts')
      await addShares(packs, spent)
    },
    async close() {
      await (await twins)?.close()
    },
  }
}
