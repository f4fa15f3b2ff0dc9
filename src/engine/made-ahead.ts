import type { SourceFiles } from '../emulation/packs/compiling.ts'
import type { Distribution } from '../emulation/packs/os-release.ts'
import type { Twins } from '../emulation/packs/twins.ts'
import { formatPlatform, type Platform } from '../platform.ts'

/** What a step is that will be emulated. */
export interface EmulatedStep {
  readonly architecture: string
  readonly script: string
  /** The image below it. */
  readonly base: BaseImage
  /** What it finds to compile, as far as that is known. */
  readonly sources: () => Promise<SourceFiles | undefined>
}

/** `name` as the user wrote it. */
export interface BaseImage {
  readonly digest: string
  readonly name: string
  /** It has a Go of its own, by its variables. */
  readonly ownGo: boolean
}

/** Packs that are made before a program asks for them. */
export interface MadeAhead {
  /** Begins to make the packs that these steps will need, which are not in the cache. Returns at once. */
  foresee(wanted: readonly EmulatedStep[]): void
  /** Whether there are such steps. */
  expects(): boolean
  /** Of images whose distribution is known: by what is in them, or before they are here by their names. */
  begin(image?: { readonly digest: string; readonly distribution: Distribution }): Promise<void>
  /** Once for each image: its programs may have nothing by which the handler could ask for them. */
  tellWhyNone(digest: string, platform: Platform, osRelease: () => Promise<string>): Promise<void>
}

export interface MadeAheadOptions {
  /** Settled when it is known which architectures are ready. */
  readonly prepared: Promise<void>
  readonly isReady: (architecture: string) => boolean
  readonly openTwins: () => Promise<Twins>
  readonly complain: (message: string) => void
  readonly signal: AbortSignal
}

export function createMadeAhead({ prepared, isReady, openTwins, complain, signal }: MadeAheadOptions): MadeAhead {
  const steps = new Map<string, EmulatedStep>()

  function foresee(wanted: readonly EmulatedStep[]): void {
    const known = steps.size
    for (const step of wanted) steps.set(JSON.stringify([step.architecture, step.base.digest, step.script]), step)
    if (steps.size > known) void prepared.then(() => begin()).catch(() => undefined)
  }

  async function begin(image?: { readonly digest: string; readonly distribution: Distribution }): Promise<void> {
    const { releaseOf } = await import('../emulation/packs/foresee.ts')
    const images = new Map<string, EmulatedStep[]>()
    for (const step of steps.values()) {
      const key = `${step.architecture} ${step.base.digest}`
      images.set(key, [...(images.get(key) ?? []), step])
    }
    for (const same of images.values()) {
      const { architecture, base } = same[0]!
      const distribution = image?.digest === base.digest ? image.distribution : releaseOf(base.name)
      if (!distribution || !isReady(architecture) || signal.aborted) continue
      const wanted = await Promise.all(
        same.map(async ({ script, sources }) => ({ script, sources: await sources().catch(() => undefined) })),
      )
      await (await openTwins()).foresee(wanted, { architecture, distribution, ownGo: base.ownGo })
    }
  }

  async function tellWhyNone(digest: string, platform: Platform, osRelease: () => Promise<string>): Promise<void> {
    const scripts = [...steps.values()].filter(({ base }) => base.digest === digest).map(({ script }) => script)
    if (scripts.length === 0) return
    const { whyNoPacks } = await import('../emulation/packs/foresee.ts')
    const reason = whyNoPacks(scripts, await osRelease().catch(() => ''))
    if (reason !== undefined) complain(`Compilers run emulated on ${formatPlatform(platform)}: ${reason}`)
  }

  return { foresee, expects: () => steps.size > 0, begin, tellWhyNone }
}
