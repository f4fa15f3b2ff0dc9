import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toXbuildError } from '../../errors.ts'
import { writeFileAtomic } from '../../host/files.ts'
import { openApt, type Apt } from './apt.ts'
import { makePack } from './make-pack.ts'
import type { Distribution } from './os-release.ts'
import { packSize, type Pack } from './pack.ts'
import { listPacks, removeLeftovers, verifyPack } from './pack-folder.ts'
import { isFresh, type Refusal } from './refusal.ts'
import { matchRecipe, programNames, readRecipes, type RecipeMatch } from './recipes.ts'
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

/** The twin of a program, or why there is none. */
export type Twin = { readonly pack: Pack } | { readonly reason: string }

/** Finds twins, making packs when none fits; each question is answered once. */
export interface Twins {
  /** File names of programs of an architecture that may have twins. */
  names(architecture: string): Promise<readonly string[]>
  /** `distribution` is asked for only when a pack has to be made. Never rejects. */
  find(program: Program, distribution: () => Promise<Distribution | undefined>): Promise<Twin>
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

export function createTwins({ folder, signal, onMake }: TwinsOptions): Twins {
  const answers = new Map<string, Promise<Twin>>()
  const archives = new Map<string, Promise<Apt>>()
  const recipes = once(() => readRecipes())
  const packs = once(() => listPacks(folder))
  // One at a time: they share the folder that apt downloads into
  let making: Promise<unknown> = Promise.resolve()

  async function answer(program: Program, distribution: () => Promise<Distribution | undefined>): Promise<Twin> {
    const known = (await packs()).find(({ manifest }) => manifest.twin.id === program.id && manifest.architecture === program.architecture)
    if (known && (await verifyPack(known)).length === 0) return { pack: known }
    const targets = PACK_TARGETS[program.architecture] ?? []
    const match = matchRecipe(await recipes(), program.path, targets)
    if (!match) return { reason: `no recipe is for ${program.path}` }
    const host = hostTarget()
    if (!host) return { reason: `there are no packs that run on ${process.arch}` }
    const refused = await readRefusal(program.id)
    if (refused) return refused
    const from = await distribution()
    if (!from) return { reason: 'the image does not say which distribution it is (/etc/os-release)' }
    const turn = making.then(() => make({ program, match, host, from }))
    making = turn.catch(() => undefined)
    return turn
  }

  async function make({ program, match, host, from }: { program: Program; match: RecipeMatch; host: PackTarget; from: Distribution }): Promise<Twin> {
    const made = onMake?.(`${match.recipe.about}${match.version ? ` ${match.version}` : ''} of ${from.id} ${from.codename} for ${match.target.debian}`)
    const reasons: string[] = []
    // A path without a triple may be that of any architecture which the CPU runs
    const targets = match.recipe.path.includes('(?<triple>') ? [match.target] : PACK_TARGETS[program.architecture]!
    for (const target of targets) {
      try {
        const apt = await archiveOf(from, [host.debian, target.debian])
        const { architecture, id } = program
        const pack = await makePack({ apt, match: { ...match, target }, architecture, distribution: from, host, id, packs: folder, signal })
        made?.(packSize(pack.manifest))
        return { pack }
      } catch (thrown) {
        const error = toXbuildError(thrown)
        const reason = error.hint ? `${error.message}. ${error.hint}` : error.message
        reasons.push(reason)
        if (error.code === 'NOT_FOUND') continue
        made?.(0)
        return { reason } // what the network or this machine lacks now may be there the next time
      }
    }
    made?.(0)
    await writeRefusal(program, reasons.join('; '))
    return { reason: reasons.join('; ') }
  }

  function archiveOf(distribution: Distribution, architectures: readonly [string, string]): Promise<Apt> {
    const key = [distribution.id, distribution.codename, ...architectures].join(' ')
    const known = archives.get(key) ?? mkdir(folder, { recursive: true }).then(() => removeLeftovers(folder)).then(() => openApt({ distribution, architectures, folder: join(folder, 'tmp'), signal }))
    archives.set(key, known)
    return known
  }

  const refusalFile = (id: string) => join(folder, 'refused', `${id}.json`)

  async function readRefusal(id: string): Promise<{ reason: string } | undefined> {
    try {
      const refusal = JSON.parse(await readFile(refusalFile(id), 'utf8')) as Refusal
      return isFresh(refusal) ? { reason: refusal.reason } : undefined
    } catch {
      return undefined
    }
  }

  async function writeRefusal({ id, path, architecture }: Program, reason: string): Promise<void> {
    await writeFileAtomic(refusalFile(id), JSON.stringify({ architecture, path, reason, at: Date.now() } satisfies Refusal), { fsync: false }).catch(() => undefined)
  }

  return {
    names: async (architecture) => programNames(await recipes(), PACK_TARGETS[architecture] ?? []),
    find(program, distribution) {
      const key = `${program.architecture} ${program.id}`
      const known = answers.get(key) ?? answer(program, distribution).catch((thrown: unknown) => ({ reason: toXbuildError(thrown).message }))
      answers.set(key, known)
      return known
    },
    known: async (architecture) => (await packs()).filter(({ manifest }) => manifest.architecture === architecture),
    async close() {
      for (const opened of archives.values()) await opened.then((apt) => apt.close(), () => undefined)
    },
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
