import type { BuildEdges, SessionRequest } from './types.ts'
import { compact } from '../compact.ts'
import type { NodeDefinition } from '../config/node.ts'
import type { OpenedNodes } from '../driver/opened-node.ts'
import type { Node } from '../plan/types.ts'
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
  /** Those that may build an image. */
  of(image: string | undefined): { readonly local: boolean; readonly names: readonly string[] }
  /** Asks all others what they are, and whether programs of these platforms run there, beside `here`; called once. */
  open(wanted: readonly Platform[], here?: Promise<Node>): Promise<OpenedNodes>
  close(): Promise<void>
}

/** Finds the machines that the requests, the environment and the user's settings name. Throws BAD_OPTION. */
export async function findMachines(
  requests: readonly SessionRequest[],
  { env, signal, store, emit }: Pick<BuildEdges, 'env' | 'signal' | 'emit'> & { readonly store: Store },
): Promise<Machines> {
  const { nodes = [], accel } = requests[0]!.options
  const wanted = new Map<string | undefined, readonly NodeDefinition[]>()
  const selected = new Map<string, Promise<readonly NodeDefinition[]>>()
  for (const { image, options } of requests) {
    const named = options.builders ?? []
    const key = JSON.stringify(named)
    const found = selected.get(key) ?? selectNodes({ named, configured: nodes, env })
    selected.set(key, found)
    wanted.set(image, await found)
  }
  const definitions = [...new Map([...wanted.values()].flat().map((one) => [one.name, one])).values()]
  let opened: Promise<OpenedNodes> | undefined
  return {
    alone: definitions.every(({ endpoint }) => endpoint.kind === 'local'),
    local: definitions.some(({ endpoint }) => endpoint.kind === 'local'),
    names: definitions.map(({ name }) => name),
    of(image) {
      const own = wanted.get(image) ?? definitions
      return {
        local: own.some(({ endpoint }) => endpoint.kind === 'local'),
        names: own.map(({ name }) => name),
      }
    },
    open: (wanted, here) =>
      (opened ??= import('../nodes/open.ts').then(({ openNodes }) => {
        const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
        // With nothing wanted, the first node decides by its platform what is built
        const alike = selected.size === 1 && (here !== undefined || wanted.length > 0)
        return openNodes(definitions, {
          env,
          store,
          signal,
          wanted,
          alike,
          warn,
          packs: accel !== 'off',
          ...compact({ here }),
        })
      })),
    async close() {
      const all = await opened?.catch(() => undefined)
      await Promise.allSettled((all?.nodes ?? []).map((one) => one.close()))
    },
  }
}
