import type { Architecture } from './architectures.ts'
import { handlerFor } from './handlers.ts'
import type { LaunchFacts } from './launch.ts'
import { HOST_HANDLERS_HINT, hasPrivateBinfmt } from './namespace-errors.ts'

/** Why programs of an architecture do not run here, and the way out. */
export interface Missing {
  readonly status: 'missing'
  readonly reason: string
  readonly hint: string
}

export const INSTALL_HINT = 'Install QEMU: sudo apt-get install qemu-user-static'

/** Why a launch has nobody to run the programs of an architecture. */
export function whyMissing(architecture: Architecture, { emulators, hostHandlers, kernel }: LaunchFacts): Missing {
  const { name, qemu } = architecture
  const found = emulators.find((emulator) => emulator.architecture === name)
  const handler = handlerFor(architecture, hostHandlers)
  const missing = (reason: string, hint = INSTALL_HINT): Missing => ({ status: 'missing', reason, hint })
  if (found && !found.static) return missing(`${found.path} is dynamically linked, so it cannot run inside an image`)
  if (found && hasPrivateBinfmt(kernel)) {
    return missing(
      `the handlers of this machine run more of the platforms, and have none for ${name}`,
      HOST_HANDLERS_HINT,
    )
  }
  if (found) {
    return missing(
      `Linux ${kernel} is older than 6.7, and this machine has no handler for ${name} with the flag F`,
      HOST_HANDLERS_HINT,
    )
  }
  if (handler) return missing(`the handler ${handler.name} lacks the flag F, so it does not work inside an image`)
  return missing(`${qemu}-static is not on PATH`)
}
