import { type ProbeOptions, probePlatforms } from '../emulation/probe.ts'
import type { Node } from '../plan/types.ts'

export interface LocalNodeOptions extends ProbeOptions {
  /** Jobs at a time. */
  readonly slots: number
  /** Folder of packs of native toolchains; absent: none are used. */
  readonly packs?: string
  /** Packs that may end the attempt of a step are used, too. */
  readonly speculate?: boolean
}

/**
 * This machine with the embedded engine. Starts a process only for a foreign platform that has not been proven
 * before.
 */
export async function localNode({ slots, packs, speculate = false, ...options }: LocalNodeOptions): Promise<Node> {
  const { native, emulated } = await probePlatforms(options)
  if (packs !== undefined && emulated.some(({ status }) => status === 'ready')) {
    const { knownToolchains } = await import('../emulation/packs/known.ts')
    return {
      name: 'local',
      endpoint: 'local',
      driver: 'embedded',
      native,
      emulated: await knownToolchains(packs, emulated, { speculate }),
      slots,
    }
  }
  return { name: 'local', endpoint: 'local', driver: 'embedded', native, emulated, slots }
}
