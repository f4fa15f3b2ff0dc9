import { once } from '../../host/once.ts'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toXbuildError } from '../../errors.ts'
import { writeFileAtomic } from '../../host/files.ts'
import { openApt, type Apt } from './apt.ts'
import { currentPacks } from './current.ts'
import { isIntact } from './intact.ts'
import { makePack } from './make-pack.ts'
import type { Distribution } from './os-release.ts'
import { packSize, type Pack } from './pack.ts'
import { removeLeftovers, touchPack } from './pack-folder.ts'
import { isFresh, type Refusal } from './refusal.ts'
import { isMinor, matchRecipe, noTwinBecause, programNames, readRecipes, type RecipeMatch } from './recipes.ts'
import { hostTarget, PACK_TARGETS, type PackTarget } from './targets.ts'

/** A program that a step is about to run. */
export interface Program {
  /** Build-id, as the handler writes it. */
  readonly id: string
  /** Its path in the container. */
  readonly path: string
  /** GOARCH. */
  readonly architecture: string
}

/**
 * The twin of a program, or why there is none: for some programs that is no loss worth a word, and `never` says that
 * no twin could write the same bytes.
 * A stranger has no more than the file name of a program that packs are for.
 */
export type Twin =
  | { readonly pack: Pack }
  | { readonly reason: string; readonly minor?: true; readonly never?: true }
  | { readonly stranger: true }

/** Finds twins, making packs when none fits; each question is answered once. */
export interface Twins {
  /** File names of programs of an architecture that may have twins. */
  names(architecture: string): Promise<readonly string[]>
  /**
   * `distribution` is asked for only when a pack has to be made. Without `wait` that happens beside the build, and
   * only for programs that are
   * started again and again: nothing says "not yet". Never rejects.
   */
  find(
    program: Program,
    options: { readonly distribution: () => Promise<Distribution | undefined>; readonly wait: boolean },
  ): Promise<Twin | undefined>
  /** The packs for an architecture that are there already. */
  known(architecture: string): Promise<readonly Pack[]>
  close(): Promise<void>
}

export interface TwinsOptions {
  /** Folder of packs. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Told before a pack is made; what it gives back is told how many bytes it has, 0 for none. */
  readonly onMake?: (what: string) => (size: number) => void
}

/** Making a pack takes as long as a few emulated compilations: it must be worth it. Starts of a program. */
const WORTH_A_PACK = 6

export function createTwins({ folder, onMake, ...options }: TwinsOptions): Twins {
  const closing = new AbortController()
  const signal = AbortSignal.any([options.signal, closing.signal])
  const quick = new Map<string, Promise<Twin | RecipeMatch>>()
  const slow = new Map<string, { readonly twin: Promise<Twin>; done?: Twin }>()
  const starts = new Map<string, number>()
  const archives = new Map<string, Promise<Apt>>()
  const recipes = once(() => readRecipes())
  const packs = once(() => currentPacks(folder))
  // One at a time: they share the folder that apt downloads into
  let making: Promise<unknown> = Promise.resolve()

  const refuse = (reason: string, { recipe }: RecipeMatch): Twin & { reason: string } => ({
    reason,
    ...(isMinor(recipe) ? { minor: true } : {}),
  })

  /** What is known without making anything; a recipe when a pack could be made. */
  async function findTwin(program: Program): Promise<Twin | RecipeMatch> {
    const known = (await packs()).find(
      ({ manifest }) => manifest.twin.id === program.id && manifest.architecture === program.architecture,
    )
    if (known && (await isIntact(known))) {
      await touchPack(known)
      return { pack: known }
    }
    const targets = PACK_TARGETS[program.architecture] ?? []
    const match = matchRecipe(await recipes(), program.path, targets)
    if (!match) return { stranger: true }
    if (match.version === '' && !match.recipe.versions && match.recipe.path.includes('(?<version>'))
      return refuse('it is not at the path that a package of a distribution uses', match)
    if (!hostTarget()) return refuse(`there are no packs that run on ${process.arch}`, match)
    const never = noTwinBecause(match)
    if (never !== undefined) return { ...refuse(never, match), never: true }
    const refused = await readRefusal(program.id)
    return refused === undefined ? match : refuse(refused, match)
  }

  async function makeFor(
    program: Program,
    match: RecipeMatch,
    distribution: () => Promise<Distribution | undefined>,
  ): Promise<Twin> {
    const host = hostTarget()!
    const from = await distribution()
    if (!from) return refuse('the image does not say which distribution it is (/etc/os-release)', match)
    const turn = making.then(() => make({ program, match, host, from }))
    making = turn.catch(() => undefined)
    return turn
  }

  async function make({
    program,
    match,
    host,
    from,
  }: {
    program: Program
    match: RecipeMatch
    host: PackTarget
    from: Distribution
  }): Promise<Twin> {
    const made = onMake?.(
      `${match.recipe.about}${match.version ? ` ${match.version}` : ''} of ${from.id} ${from.codename} for ${match.target.debian}`,
    )
    const reasons: string[] = []
    // A path without a triple may be that of any architecture which the CPU runs
    const targets = match.recipe.path.includes('(?<triple>') ? [match.target] : PACK_TARGETS[program.architecture]!
    for (const target of targets) {
      try {
        const apt = await archiveOf(from, [host.debian, target.debian])
        const { architecture, id } = program
        const pack = await makePack({
          apt,
          match: { ...match, target },
          architecture,
          distribution: from,
          host,
          id,
          packs: folder,
          signal,
        })
        made?.(packSize(pack.manifest))
        return { pack }
      } catch (thrown) {
        const error = toXbuildError(thrown)
        const reason = error.hint ? `${error.message}. ${error.hint}` : error.message
        reasons.push(reason)
        if (error.code === 'NOT_FOUND') continue
        made?.(0)
        return refuse(reason, match) // what the network or this machine lacks now may be there the next time
      }
    }
    made?.(0)
    await writeRefusal(program, reasons.join('; '))
    return refuse(reasons.join('; '), match)
  }

  function archiveOf(distribution: Distribution, architectures: readonly [string, string]): Promise<Apt> {
    const key = [distribution.id, distribution.codename, ...architectures].join(' ')
    const known =
      archives.get(key) ??
      mkdir(folder, { recursive: true })
        .then(() => removeLeftovers(folder))
        .then(() =>
          openApt({
            distribution,
            architectures,
            folder: join(folder, 'tmp'),
            kept: join(folder, 'index'),
            fresh: false,
            signal,
          }),
        )
    archives.set(key, known)
    return known
  }

  const refusalFile = (id: string) => join(folder, 'refused', `${id}.json`)

  async function readRefusal(id: string): Promise<string | undefined> {
    try {
      const refusal = JSON.parse(await readFile(refusalFile(id), 'utf8')) as Refusal
      return isFresh(refusal) ? refusal.reason : undefined
    } catch {
      return undefined
    }
  }

  async function writeRefusal({ id, path, architecture }: Program, reason: string): Promise<void> {
    await writeFileAtomic(
      refusalFile(id),
      JSON.stringify({ architecture, path, reason, at: Date.now() } satisfies Refusal),
      { fsync: false },
    ).catch(() => undefined)
  }

  return {
    names: async (architecture) => programNames(await recipes(), PACK_TARGETS[architecture] ?? []),
    async find(program, { distribution, wait }) {
      const key = `${program.architecture} ${program.id}`
      const failed = (thrown: unknown) => ({ reason: toXbuildError(thrown).message })
      const finding = quick.get(key) ?? findTwin(program).catch(failed)
      quick.set(key, finding)
      const found = await finding
      if (!('recipe' in found)) return found
      starts.set(key, (starts.get(key) ?? 0) + 1)
      let made = slow.get(key)
      if (!made && (wait || starts.get(key)! >= (found.recipe.worth ?? WORTH_A_PACK))) {
        const entry: { readonly twin: Promise<Twin>; done?: Twin } = {
          twin: makeFor(program, found, distribution).catch((thrown: unknown) =>
            refuse(toXbuildError(thrown).message, found),
          ),
        }
        void entry.twin.then((twin) => (entry.done = twin))
        slow.set(key, (made = entry))
      }
      return wait ? made!.twin : made?.done
    },
    known: async (architecture) => (await packs()).filter(({ manifest }) => manifest.architecture === architecture),
    async close() {
      closing.abort()
      await making.catch(() => undefined)
      for (const opened of archives.values())
        await opened.then(
          (apt) => apt.close(),
          () => undefined,
        )
    },
  }
}
