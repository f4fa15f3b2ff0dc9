import { toXbuildError, XbuildError } from '../errors.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { UsedPack } from '../content/built-image.ts'
import type { AcceleratedStep } from './accelerated-step.ts'
import type { Acceleration } from './acceleration.ts'
import type { BaseImage } from './made-ahead.ts'
import type { StepSibling } from '../emulation/packs/sibling/step-sibling.ts'
import { newSnapshotId } from './layers.ts'
import type { ProgramStarts } from '../content/starts.ts'
import type { Changed, RunParams } from './protocol.ts'
import type { Worker } from './worker-client.ts'

/**
 * What Go's tools count of themselves, for weeks that begin on a random day: no two builds write the same, and twins
 * write none.
 */
const COUNTED = /\/go\/telemetry(\/|$)/

/** Between two looks at where the CPU time goes: for a profile, and for the share that ran natively. Milliseconds. */
const LOOKS = { profile: 30, share: 250 }

export interface EmulatedRun {
  readonly params: RunParams
  readonly platform: Platform
  readonly base: BaseImage | undefined
  readonly siblings: readonly StepSibling[]
  readonly worker: Worker
  /** What earlier builds learnt of this step; absent: nothing is speculated. */
  readonly speculation?: Speculation | undefined
  readonly signal: AbortSignal
  readonly onLog: (stream: 'stdout' | 'stderr', line: string) => void
}

/** Whether a step may be run by programs that stand in for those of its image. */
export interface Speculation {
  /** Why the step could not be run so before. */
  known(): Promise<string | undefined>
  remember(reason: string): Promise<void>
}

/** What came of it: the packs that programs were run from, and how often which program was started how. */
export interface AcceleratedRun extends Changed {
  readonly packs?: readonly UsedPack[]
  readonly starts?: readonly ProgramStarts[]
}

/** An attempt whose result is not used; `lasts`: the next one would end alike. */
interface FailedAttempt {
  readonly failed: string
  readonly lasts: boolean
}

/** Runs an emulated step with native twins where there are any, as the mode says. */
export async function runAccelerated(
  acceleration: Acceleration,
  { params, platform, base, siblings, worker, speculation, signal, onLog }: EmulatedRun,
): Promise<AcceleratedRun> {
  const readFile = async (path: string) => {
    const { text } = await worker.call('readFile', { lowers: params.lowers, path, limit: 65_536 }, { signal })
    return text
  }
  const known = await speculation?.known()
  if (!speculation || known !== undefined) return runOnce(false)
  const attempt = await runOnce(true)
  if (!('failed' in attempt)) return attempt
  await worker.call('remove', { ids: [params.id] }, { signal })
  onLog('stderr', `xbuild: run again under QEMU: ${attempt.failed}`)
  if (attempt.lasts) await speculation.remember(attempt.failed)
  const again = await runOnce(false)
  const message = `${formatPlatform(platform)}: a step was run again under QEMU: ${attempt.failed}`
  return { ...again, warnings: [...(again.warnings ?? []), message] }

  async function runOnce(speculate: false): Promise<AcceleratedRun>
  async function runOnce(speculate: boolean): Promise<AcceleratedRun | FailedAttempt>
  async function runOnce(speculate: boolean): Promise<AcceleratedRun | FailedAttempt> {
    const step = await acceleration.open(platform, { base, siblings, readFile }, speculate)
    if (!step) return worker.call('run', params, { signal, onLog })
    try {
      const changed = await withTwins(step)
      if (step.ended.aborted) return { failed: String(step.ended.reason), lasts: true }
      return {
        ...(acceleration.mode === 'verify' ? await compare(changed) : changed),
        packs: step.used(),
        starts: step.starts(),
      }
    } catch (error) {
      if (signal.aborted) throw error
      if (step.ended.aborted) return { failed: String(step.ended.reason), lasts: true }
      // A failure is the step's own only under QEMU
      if (step.speculated()) {
        const exitCode = toXbuildError(error).facts?.exitCode
        return { failed: exitCode === undefined ? 'it failed' : `it ended with exit code ${exitCode}`, lasts: false }
      }
      throw error
    } finally {
      step.close()
    }
  }

  async function withTwins({ accel, refused, ended }: AcceleratedStep): Promise<Changed> {
    try {
      return await worker.call(
        'run',
        { ...params, accel, looks: acceleration.mode === 'profile' ? LOOKS.profile : LOOKS.share },
        { signal: AbortSignal.any([signal, refused, ended]), onLog },
      )
    } catch (error) {
      if (!refused.aborted || signal.aborted) throw error
      throw new XbuildError('HOST', `Cannot build with --accel=require: ${String(refused.reason)}`, {
        hint: 'With --accel=auto such programs run emulated',
      })
    }
  }

  /**
   * The same step without twins must leave the same files; what differs between two such runs, too, depends on the
   * time or the like.
   */
  async function compare(changed: Changed): Promise<Changed> {
    const plain = [newSnapshotId(), newSnapshotId()] as const
    const quiet = () => undefined
    try {
      await worker.call('run', { ...params, id: plain[0] }, { signal, onLog: quiet })
      const { paths } = await worker.call('compare', { ids: [params.id, plain[0]] }, { signal })
      if (paths.every((path) => COUNTED.test(path))) return changed
      await worker.call('run', { ...params, id: plain[1] }, { signal, onLog: quiet })
      const unstable = new Set((await worker.call('compare', { ids: plain }, { signal })).paths)
      const different = paths.filter((path) => !unstable.has(path) && !COUNTED.test(path))
      if (different.length === 0) return changed
      await worker.call('remove', { ids: [params.id] }, { signal })
      throw new XbuildError(
        'EMULATOR',
        `Cannot trust the native toolchains for ${formatPlatform(platform)}: a step wrote ${different.length} ${different.length === 1 ? 'file' : 'files'} with other content than under QEMU`,
        {
          output: different.slice(0, 20),
          hint: 'Build with --accel=off, and report it with the names of the files',
        },
      )
    } finally {
      await worker.call('remove', { ids: [...plain] }, { signal }).catch(() => undefined)
    }
  }
}
