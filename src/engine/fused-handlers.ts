import { binfmtRegistration, ARCHITECTURES } from '../emulation/architectures.ts'
import type { Emulator } from '../emulation/emulators.ts'
import type { Launch } from '../emulation/launch.ts'

/** Registrations of binfmt_misc, and the architectures whose programs may have twins. */
export interface FusedHandlers {
  readonly handlers: readonly string[]
  readonly ready: readonly string[]
}

/** The emulators that a build registers for itself alone, by GOARCH. */
export function ownEmulators({ runners }: Launch): readonly (readonly [string, Emulator])[] {
  return Object.entries(runners).flatMap(([name, runner]) =>
    runner.via === 'private' ? [[name, runner.emulator] as const] : [],
  )
}

/** Puts our handler before each emulator that it can be put before. */
export async function fuseHandlers(
  emulators: readonly (readonly [string, Emulator])[],
  options: { readonly folder: string; readonly signal: AbortSignal },
): Promise<FusedHandlers> {
  const [{ fusedEmulator }, { PACK_TARGETS }] = await Promise.all([
    import('../emulation/packs/fused-emulator.ts'),
    import('../emulation/packs/targets.ts'),
  ])
  const handlers: string[] = []
  const ready: string[] = []
  for (const [name, emulator] of emulators) {
    const able = PACK_TARGETS[name] !== undefined
    const path = able ? await fusedEmulator(emulator, options) : emulator.path
    handlers.push(binfmtRegistration(ARCHITECTURES.find((one) => one.name === name)!, path))
    if (able) ready.push(name)
  }
  return { handlers, ready }
}
