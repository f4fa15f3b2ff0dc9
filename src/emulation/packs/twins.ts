import { once } from '../../host/once.ts'
import { createHash } from 'node:crypto'
import { toXbuildError } from '../../errors.ts'
import { makingCost } from './costs.ts'
import { sortPacks, whyOutdated } from './current.ts'
import { isIntact } from './intact.ts'
import { createDemand } from './demand.ts'
import { createForesight, type ForeseenImage, type ForeseenStep } from './foresight.ts'
import { createMakings, type Wanted } from './makings.ts'
import type { Distribution } from './os-release.ts'
import { twinsIn, type Pack, type PackManifest } from './pack.ts'
import { touchPack } from './pack-folder.ts'
import { makeSiblingPack } from './sibling/make-sibling.ts'
import type { StepSibling } from './sibling/step-sibling.ts'
import { findRefusal, keepRefusal } from './refusal.ts'
import type { RecipeMatch } from './recipe.ts'
import { isMinor, matchRecipe, noTwinBecause, programNames, readRecipes, secondsOf } from './recipes.ts'
import { hostTarget, PACK_TARGETS } from './targets.ts'
import { longestWait, slowness } from './waiting.ts'

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
 * no twin could write the same bytes; `outdated` that there is a pack by other rules than today's.
 * A stranger has no more than the file name of a program that packs are for.
 */
export type Twin =
  | { readonly pack: Pack }
  | { readonly reason: string; readonly minor?: true; readonly never?: true; readonly outdated?: true }
  | { readonly stranger: true }

/** Finds twins, making packs when none fits; each question is answered once. */
export interface Twins {
  /**
   * File names of programs of an architecture that may have twins; `speculate`: also such as end the step's attempt where
   * they cannot answer exactly.
   */
  names(architecture: string, speculate: boolean): Promise<readonly string[]>
  /**
   * `distribution` is asked for only when a pack has to be made. Without `wait` the program waits for it only when
   * emulation is expected to take longer (`longestWait`), and a pack is made only once its programs cost more without it:
   * nothing says "not yet". Never rejects.
   */
  find(
    program: Program,
    options: {
      readonly distribution: () => Promise<Distribution | undefined>
      /** Of the images that the program may have come with. */
      readonly siblings: readonly StepSibling[]
      readonly wait: boolean
      readonly speculate: boolean
    },
  ): Promise<Twin | undefined>
  /** Begins to make the packs that RUN instructions will need, as far as that pays. */
  foresee(steps: readonly ForeseenStep[], image: ForeseenImage): Promise<void>
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
  /** Gives a pack when it can be had without making it. */
  readonly fetch?: (wanted: Wanted) => Promise<Pack | undefined>
}

export function createTwins({ folder, onMake, fetch, ...options }: TwinsOptions): Twins {
  const closing = new AbortController()
  const signal = AbortSignal.any([options.signal, closing.signal])
  const quick = new Map<string, Promise<Twin | RecipeMatch>>()
  const slow = new Map<string, { readonly twin: Promise<Twin>; readonly since: number; done?: Twin }>()
  const demand = createDemand(folder)
  const recipes = once(() => readRecipes())
  const sorted = once(() => sortPacks(folder))
  const packs = async () => (await sorted()).current
  const makings = createMakings({ folder, signal, ...(onMake ? { onMake } : {}), ...(fetch ? { fetch } : {}) })
  const foresight = createForesight({ folder, makings, recipes, packs })

  const refuse = (reason: string, { recipe }: RecipeMatch): Twin & { reason: string } => ({
    reason,
    ...(isMinor(recipe) && recipe.speculative === undefined ? { minor: true } : {}),
  })

  /** The twin, with a word on a pack that would have been used by its rules of before. */
  async function withOutdated<T>(twin: Twin | T, { id }: Program): Promise<Twin | T> {
    if (typeof twin !== 'object' || twin === null || !('reason' in twin)) return twin
    const old = (await sorted()).outdated.find(({ manifest }) => hasTwinOf(manifest, id))
    return old ? { ...twin, reason: `${twin.reason}; ${whyOutdated(old)}`, outdated: true } : twin
  }

  const recipesFor = async (speculate: boolean) =>
    (await recipes()).filter(({ speculative }) => speculate || speculative === undefined)

  /** What is known without making anything; a recipe when a pack could be made. */
  async function findTwin(
    program: Program,
    { siblings, speculate }: { readonly siblings: readonly StepSibling[]; readonly speculate: boolean },
  ): Promise<Twin | RecipeMatch> {
    const usable = await recipesFor(speculate)
    const known = (await packs()).find(
      ({ manifest }) =>
        manifest.architecture === program.architecture &&
        usable.some(({ name }) => name === manifest.recipe) &&
        hasTwinOf(manifest, program.id) &&
        isForOneOf(manifest, siblings),
    )
    if (known && (await isIntact(known))) {
      await touchPack(known)
      return { pack: known }
    }
    const targets = PACK_TARGETS[program.architecture] ?? []
    const match = matchRecipe(usable, program.path, targets)
    if (!match) return { stranger: true }
    if (match.version === '' && !match.recipe.versions && match.recipe.path.includes('(?<version>'))
      return refuse('it is not at the path that a package of a distribution uses', match)
    if (!hostTarget()) return refuse(`there are no packs that run on ${process.arch}`, match)
    const never = noTwinBecause(match)
    if (never !== undefined) return { ...refuse(never, match), never: true }
    const refused = await findRefusal(folder, refusalName(program, match, siblings))
    return refused === undefined ? match : refuse(refused, match)
  }

  async function makeFor(
    program: Program,
    match: RecipeMatch,
    {
      distribution,
      siblings,
    }: {
      readonly distribution: () => Promise<Distribution | undefined>
      readonly siblings: readonly StepSibling[]
    },
  ): Promise<Twin> {
    const { architecture, id } = program
    const { recipe, version, target } = match
    const ahead = await foresight.of(architecture, recipe.name)?.pack
    if (ahead && hasTwinOf(ahead.manifest, id)) return { pack: ahead }
    const from = recipe.sibling ? undefined : await distribution()
    if (!from && !recipe.sibling)
      return refuse('the image does not say which distribution it is (/etc/os-release)', match)
    try {
      if (!from) return { pack: await makeOfSibling(program, match, siblings) }
      const pack = await makings.make({
        matches: () => [match],
        recipe: recipe.name,
        common: Object.keys(recipe.common ?? {}),
        about: `${recipe.about}${version ? ` ${version}` : ''} of ${from.id} ${from.codename} for ${target.debian}`,
        architecture,
        // A path without a triple may be that of any architecture which the CPU runs
        targets: recipe.path.includes('(?<triple>') ? [target] : PACK_TARGETS[architecture]!,
        distribution: from,
        id,
      })
      return { pack }
    } catch (thrown) {
      const error = toXbuildError(thrown)
      const reason = error.hint ? `${error.message}. ${error.hint}` : error.message
      // What the network or this machine lacks now may be there the next time
      if (error.code === 'NOT_FOUND')
        await keepRefusal(folder, refusalName(program, match, siblings), { architecture, path: program.path, reason })
      return refuse(reason, match)
    }
  }

  function makeOfSibling(program: Program, match: RecipeMatch, siblings: readonly StepSibling[]): Promise<Pack> {
    const { architecture, id } = program
    const { program: _, ...whole } = match // the pack is the same whoever asks
    const about = `${match.recipe.about} for ${architecture}, from its ${siblings[0]?.platform ?? 'sibling'}`
    return makings.makeBeside({ about }, () =>
      makeSiblingPack({ match: whole, architecture, id, siblings, host: hostTarget()!, packs: folder, signal }),
    )
  }

  return {
    names: async (architecture, speculate) =>
      programNames(await recipesFor(speculate), PACK_TARGETS[architecture] ?? []),
    async find(program, { distribution, siblings, wait, speculate }) {
      const digests = siblings.map(({ digest }) => digest)
      const key = [program.architecture, program.id, ...(speculate ? ['speculate'] : []), ...digests].join(' ')
      const failed = (thrown: unknown) => ({ reason: toXbuildError(thrown).message })
      const finding =
        quick.get(key) ??
        findTwin(program, { siblings, speculate })
          .then((twin) => withOutdated(twin, program))
          .catch(failed)
      quick.set(key, finding)
      const found = await finding
      if (!('recipe' in found)) return found
      const { architecture } = program
      const { name } = found.recipe
      const ahead = foresight.of(architecture, name)
      const spent = slow.get(key)?.done ? 0 : await demand.add(architecture, name, secondsOf(found.recipe))
      const gain = 1000 * Math.max(spent, foresight.gain(architecture, name))
      const expected = 1000 * (makingCost(found.recipe, makings.read(architecture)) + makings.opening())
      let made = slow.get(key)
      const since = made?.since ?? ahead?.since ?? Date.now()
      const waits = () => longestWait({ gain, expected, elapsed: Date.now() - since, slowness: slowness() })
      if (!made && (wait || found.recipe.speculative !== undefined || ahead || gain > expected)) {
        const entry: { readonly twin: Promise<Twin>; readonly since: number; done?: Twin } = {
          since,
          twin: makeFor(program, found, { distribution, siblings })
            .catch((thrown: unknown) => refuse(toXbuildError(thrown).message, found))
            .then((twin) => withOutdated(twin, program)),
        }
        void entry.twin.then((twin) => {
          entry.done = twin
          return demand.forget(architecture, name)
        })
        slow.set(key, (made = entry))
      }
      if (wait || found.recipe.speculative !== undefined) return made!.twin
      if (!made || made.done) return made?.done
      const longest = waits()
      return longest > 0 ? within(made.twin, longest) : undefined
    },
    foresee: (steps, image) => foresight.begin(steps, image),
    known: async (architecture) => (await packs()).filter(({ manifest }) => manifest.architecture === architecture),
    async close() {
      closing.abort()
      await Promise.all([makings.close(), demand.save()])
    },
  }
}

function hasTwinOf(manifest: PackManifest, id: string): boolean {
  return twinsIn(manifest).some((twin) => twin.id === id)
}

/**
 * Whether a pack is for whoever has its programs, or comes from the sibling of one of these images: another image may
 * have the same programs and a sibling that deceives.
 */
function isForOneOf({ sibling }: PackManifest, siblings: readonly StepSibling[]): boolean {
  return sibling === undefined || siblings.some(({ digest }) => digest === sibling.manifest)
}

/** Under which a refusal is kept: of siblings each has its own. */
function refusalName({ id }: Program, { recipe }: RecipeMatch, siblings: readonly StepSibling[]): string {
  if (!recipe.sibling) return id
  const of = createHash('sha256').update(siblings.map(({ digest }) => digest).join(' '))
  return `${id}-${of.digest('hex').slice(0, 12)}`
}

/** What comes of a promise, or nothing once the time is over. Milliseconds. */
async function within<T>(promise: Promise<T>, time: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), time)))
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
  }
}
