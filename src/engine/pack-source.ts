import { compact } from '../compact.ts'
import type { Wanted } from '../emulation/packs/makings.ts'
import type { Pack } from '../emulation/packs/pack.ts'
import { toXbuildError } from '../errors.ts'
import type { RegistryClient } from '../registry/types.ts'
import { openPackSet, type PackSet } from './fetch-packs.ts'

/** Sets of packs that the user trusts: names with digests, and the client that they are fetched by. */
export interface PackSets {
  readonly names: readonly string[]
  readonly client: RegistryClient
}

export interface PackSourceOptions {
  /** Folder of packs. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Told once of each set that cannot be used. */
  readonly onWarning: (message: string) => void
}

/** Finds a wanted pack in the sets of the user; nothing when none of them has it. Never rejects but when stopped. */
export function createPackSource(
  { names, client }: PackSets,
  { folder, signal, onWarning }: PackSourceOptions,
): (wanted: Wanted) => Promise<Pack | undefined> {
  const opened = new Map<string, Promise<PackSet>>()
  const failed = new Set<string>()

  async function find(name: string, { recipe, architecture, distribution, id }: Wanted): Promise<Pack | undefined> {
    const opening = opened.get(name) ?? openPackSet(name, { client, signal })
    opened.set(name, opening)
    const { entries, fetch } = await opening
    for (const entry of entries) {
      if (entry.recipe !== recipe || entry.architecture !== architecture) continue
      if (entry.distribution !== `${distribution.id} ${distribution.codename}`) continue
      const pack = await fetch(entry, { folder, ...compact({ id }) })
      if (pack) return pack
    }
    return undefined
  }

  return async (wanted) => {
    for (const name of names) {
      if (failed.has(name)) continue
      try {
        const pack = await find(name, wanted)
        if (pack) return pack
      } catch (error) {
        signal.throwIfAborted()
        if (failed.has(name)) continue // of several that waited for it, one tells
        failed.add(name)
        onWarning(`Packs are made here, not fetched from "${name}": ${toXbuildError(error).message}`)
      }
    }
    return undefined
  }
}
