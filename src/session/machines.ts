import type { BuildEdges } from './types.ts'
import type { BuildOptions } from '../config/options.ts'
import type { OpenedNodes } from '../driver/opened-node.ts'
import { selectNodes } from '../nodes/select.ts'
import type { Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'

/** The machines that take part in a build, known by name; nobody has asked them anything. */
export interface Machines {
  /** This machine alone builds. */
  readonly alone: boolean
  /** This machine is one of them. */
  readonly local: boolean
  /** Names of all of them, in the order in which they are preferred. */
  readonly names: readonly string[]
  /** Asks all others what they are, and whether programs of these platforms run there; called once. */
  open(wanted: readonly Platform[]): Promise<OpenedNodes>
  close(): Promise<void>
}

/** Finds the machines that the options, the environment and the user's settings name. Throws BAD_OPTION. */
export async function findMachines(
  { builders = [], nodes = [], accel }: BuildOptions,
  { env, signal, store }: Pick<BuildEdges, 'env' | 'signal'> & { readonly store: Store },
): Promise<Machines> {
  const definitions = await selectNodes({ named: builders, configured: nodes, env })
  let opened: Promise<OpenedNodes> | undefined
  return {
    alone: definitions.every(({ endpoint }) => endpoint.kind === 'local'),
    local: definitions.some(({ endpoint }) => endpoint.kind === 'local'),
    names: definitions.map(({ name }) => name),
    open: (wanted) =>
      (opened ??= import('../nodes/open.ts').then(({ openNodes }) =>
        openNodes(definitions, { env, store, signal, wanted, packs: accel !== 'off' }),
      )),
    async close() {
      const all = await opened?.catch(() => undefined)
      await Promise.allSettled((all?.nodes ?? []).map((one) => one.close()))
    },
  }
}
