import { type ProbeOptions, probePlatforms } from '../emulation/probe.ts'
import type { Node } from '../plan/types.ts'

export interface LocalNodeOptions extends ProbeOptions {
  /** Jobs at a time. */
  readonly slots: number
}

/** This machine with the embedded engine. Starts a process only for a foreign platform that has not been proven before. */
export async function localNode({ slots, ...options }: LocalNodeOptions): Promise<Node> {
  const { native, emulated } = await probePlatforms(options)
  return { name: 'local', endpoint: 'local', driver: 'embedded', native, emulated, slots }
}
