import type { Diagnostic, SourcePosition } from '../errors.ts'

/** The right to give steps the network of the machine. */
export const NETWORK_HOST = 'network.host'

/** Something that may ask for a right: an instruction of a stage, or a step made of it. */
interface Asking {
  readonly kind: string
  readonly at: SourcePosition
  readonly network?: string
}

/** Whether the options give steps the network of the machine: by its name, or because all steps have it. */
export function allowsHostNetwork({
  allow = [],
  network,
}: {
  readonly allow?: readonly string[]
  readonly network?: string
}): boolean {
  return network === 'host' || allow.includes(NETWORK_HOST)
}

/** One error for each RUN that takes the network of the machine, where nobody gave it the right to. */
export function checkHostNetwork(asking: readonly Asking[], allowed: boolean): Diagnostic[] {
  if (allowed) return []
  return asking
    .filter(({ kind, network }) => kind === 'run' && network === 'host')
    .map(({ at }) => ({
      rule: 'entitlement',
      severity: 'error',
      message: 'Cannot run RUN --network=host: the build does not allow it the network of the host',
      hint: `Give --allow ${NETWORK_HOST}, or remove the flag`,
      at,
    }))
}
