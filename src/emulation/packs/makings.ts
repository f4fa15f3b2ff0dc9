import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { toXbuildError, XbuildError } from '../../errors.ts'
import { openApt, type Apt } from './apt.ts'
import { makePack } from './make-pack.ts'
import type { Distribution } from './os-release.ts'
import { packSize, type Pack } from './pack.ts'
import { removeLeftovers } from './pack-folder.ts'
import type { RecipeMatch } from './recipe.ts'
import { hostTarget, type PackTarget } from './targets.ts'

/** The pack that is wanted. */
export interface Wanted {
  /** The likeliest kind of program first. */
  readonly matches: (apt: Apt) => readonly RecipeMatch[]
  readonly recipe: string
  /** What is read for packs of other recipes, too. */
  readonly common?: readonly string[]
  /** Told while it is made. */
  readonly about: string
  /** GOARCH of the image. */
  readonly architecture: string
  readonly targets: readonly PackTarget[]
  readonly distribution: Distribution
  /** Build-id that the program must have; absent: that of the archive. */
  readonly id?: string
}

/** Makes packs, a few at a time, out of shared archives. */
export interface Makings {
  /** Throws NOT_FOUND with the reasons when the archive has no such pair, and HOST when it cannot be reached. */
  make(wanted: Wanted): Promise<Pack>
  /** The same for a pack that is made of something else than packages, and takes long: beside the others. */
  makeBeside(wanted: Pick<Wanted, 'about'>, work: () => Promise<Pack>): Promise<Pack>
  /** What the next pack costs besides: the index of the archive, once. CPU seconds. */
  opening(): number
  /** What is read already for packs of an architecture (GOARCH) that more are made of. */
  read(architecture: string): ReadonlySet<string>
  /** Waits for those that are being made, which the signal should have ended. */
  close(): Promise<void>
}

export interface MakingsOptions {
  /** Folder of packs. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Told before a pack is made; what it gives back is told how many bytes it has, 0 for none. */
  readonly onMake?: (what: string) => (size: number) => void
  /** Gives the pack when it can be had without making it. */
  readonly fetch?: (wanted: Wanted) => Promise<Pack | undefined>
}

/** Packs that are made at a time. */
const LANES = 3

/** What fetching and reading the index of an archive takes. CPU seconds. */
const OPENING = 2.5

export function createMakings({ folder, signal, onMake, fetch }: MakingsOptions): Makings {
  const archives = new Map<string, Promise<Apt>>()
  const opened: Promise<Apt>[] = []
  const read = new Map<string, Set<string>>()
  const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve())
  let turn = 0

  function inLane<T>(work: () => Promise<T>): Promise<T> {
    const lane = turn++ % LANES // those after them are of packs that are made beside
    const done = lanes[lane]!.then(work)
    lanes[lane] = done.catch(() => undefined)
    return done
  }

  function archiveOf(distribution: Distribution, architectures: readonly [string, string], old?: Apt): Promise<Apt> {
    const key = [distribution.id, distribution.codename, ...architectures].join(' ')
    const known = archives.get(key)
    const open = (fresh: boolean) => {
      const opening = mkdir(folder, { recursive: true })
        .then(() => removeLeftovers(folder))
        .then(() =>
          openApt({
            distribution,
            architectures,
            folder: join(folder, 'tmp'),
            kept: join(folder, 'index'),
            fresh,
            signal,
          }),
        )
      archives.set(key, opening)
      opened.push(opening)
      opening.catch(() => undefined)
      return opening
    }
    if (!known) return open(false)
    // Several ask for a newer index at the same time: one of them fetches it
    return old ? known.then((apt) => (apt === old ? open(true) : apt)) : known
  }

  function readFor(architecture: string): Set<string> {
    const known = read.get(architecture) ?? new Set()
    read.set(architecture, known)
    return known
  }

  async function makeNow(wanted: Wanted): Promise<Pack> {
    const { architecture, distribution, id, targets, common = [] } = wanted
    for (const part of common) readFor(architecture).add(part)
    const host = hostTarget()!
    const reasons: string[] = []
    for (const target of targets) {
      const architectures = [host.debian, target.debian] as const
      const tryWith = async (apt: Apt) => {
        const failures: unknown[] = []
        for (const match of wanted.matches(apt)) {
          const more = id === undefined ? {} : { id }
          const { program: _, ...whole } = match // of several programs whoever asks: the pack is the same
          const options = { apt, match: { ...whole, target }, architecture, distribution, host, packs: folder, signal }
          try {
            return await makePack({ ...options, ...more })
          } catch (error) {
            if (toXbuildError(error).code !== 'NOT_FOUND') throw error
            failures.push(error)
          }
        }
        throw (
          failures[0] ?? new XbuildError('NOT_FOUND', 'the distribution has no version of it that it uses by itself')
        )
      }
      try {
        const apt = await archiveOf(distribution, architectures)
        return await tryWith(apt).catch(async (error: unknown) => {
          if (!apt.kept || signal.aborted) throw error
          return tryWith(await archiveOf(distribution, architectures, apt)) // of the archive as it is now
        })
      } catch (thrown) {
        const error = toXbuildError(thrown)
        if (error.code !== 'NOT_FOUND') throw error
        reasons.push(error.hint ? `${error.message}. ${error.hint}` : error.message)
      }
    }
    throw new XbuildError('NOT_FOUND', reasons.join('; '))
  }

  async function told({ about }: Pick<Wanted, 'about'>, work: () => Promise<Pack>): Promise<Pack> {
    signal.throwIfAborted()
    const made = onMake?.(about)
    try {
      const pack = await work()
      made?.(packSize(pack.manifest))
      return pack
    } catch (error) {
      made?.(0)
      throw error
    }
  }

  return {
    make: (wanted) => inLane(() => told(wanted, async () => (await fetch?.(wanted)) ?? (await makeNow(wanted)))),
    makeBeside(wanted, work) {
      const done = told(wanted, work)
      lanes.push(done.catch(() => undefined))
      return done
    },
    opening: () => (archives.size > 0 ? 0 : OPENING),
    read: readFor,
    async close() {
      await Promise.all(lanes)
      for (const one of opened)
        await one.then(
          (apt) => apt.close(),
          () => undefined,
        )
    },
  }
}
